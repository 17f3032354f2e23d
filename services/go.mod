module ecoupon/services

go 1.26
