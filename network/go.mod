module ecoupon/network

go 1.26
