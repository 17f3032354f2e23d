module ecoupon/proto

go 1.26
