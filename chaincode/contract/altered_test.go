// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract_test

import (
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/stubtest"
)

// altered is chaincode that an organisation runs in place of the consortium's.
type altered func(stub shim.ChaincodeStubInterface) error

func (altered) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (f altered) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	if err := f(stub); err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}

// forged is a transaction that organisations make with altered chaincode on
// their peers; afterwards they run the consortium's again.
func (c *consortium) forged(does altered, by ...string) *stubtest.Transaction {
	c.t.Helper()
	for _, mspID := range by {
		c.AddOrganisation(mspID, does)
	}
	defer func() {
		for _, mspID := range by {
			c.AddOrganisation(mspID, c.honest[mspID])
		}
	}()
	return c.endorse(call{function: "Forged", by: by[0], endorsers: by})
}

// overwrite changes public state behind the contract's back, as an issuer and
// an accomplice could; an empty value deletes.
func (c *consortium) overwrite(key, value string) {
	c.t.Helper()
	c.commit([]*stubtest.Transaction{c.forged(put(key, value), issuer, outsider)}, valid)
}

// overwritePrivate changes an organisation's own collection, as it can alone.
func (c *consortium) overwritePrivate(mspID, key, value string) {
	c.t.Helper()
	c.commit([]*stubtest.Transaction{c.forged(putPrivate(mspID, key, value), mspID)}, valid)
}

func put(key, value string) altered {
	return func(stub shim.ChaincodeStubInterface) error {
		if value == "" {
			return stub.DelState(key)
		}
		return stub.PutState(key, []byte(value))
	}
}

func putPrivate(mspID, key, value string) altered {
	return func(stub shim.ChaincodeStubInterface) error {
		if value == "" {
			return stub.DelPrivateData(implicit(mspID), key)
		}
		return stub.PutPrivateData(implicit(mspID), key, []byte(value))
	}
}
