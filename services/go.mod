module ecoupon/services

go 1.26.0

require (
	ecoupon/chaincode v0.0.0
	ecoupon/proto v0.0.0-00010101000000-000000000000
	github.com/google/go-cmp v0.7.0
	github.com/hyperledger/fabric-gateway v1.10.1
	github.com/hyperledger/fabric-protos-go-apiv2 v0.3.7
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260414002931-afd174a4e478
	google.golang.org/grpc v1.82.1
	google.golang.org/protobuf v1.36.11
)

require (
	github.com/miekg/pkcs11 v1.1.2 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)

replace ecoupon/chaincode => ../chaincode

replace ecoupon/proto => ../proto
