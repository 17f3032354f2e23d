// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hyperledger/fabric-gateway/pkg/client"

	"ecoupon/chaincode/coupon"
	"ecoupon/network/desk"
)

// malformed is input that two readers could understand differently, that is too
// large, or that is no coupon.
func malformed() []attack { return slices.Concat(badArguments(), badRedemptions(), badCoupons()) }

// badArguments are questions whose function or argument is not well formed.
func badArguments() []attack {
	invalid := words(coupon.ReasonInvalidRequest)
	raw := func(name string, want []string, function string, arguments ...string) attack {
		return attack{name: name, by: anyMember, want: want, run: func(ctx context.Context, a *arena) outcome {
			return a.spy(ctx, step{Call: desk.Call{Function: function, Arguments: arguments, Endorsers: []string{issuer}}, by: issuer, as: "issuer"})
		}}
	}
	return []attack{
		raw("function's name with a lower-case letter", words(coupon.ReasonUnknownFunction), "getTick"),
		raw("function that does not exist", words(coupon.ReasonUnknownFunction), "Mint"),
		raw("NaN for a number", invalid, "GetCampaign", `{"campaign":"x","version":NaN}`),
		raw("a fraction for a number", invalid, "GetCampaign", `{"campaign":"x","version":1.5}`),
		raw("null for a request", invalid, "GetCampaign", "null"),
		raw("no argument", invalid, "GetCampaign"),
		raw("argument of 129 kB", invalid, "GetCampaign", strings.Repeat(" ", 129<<10)+"{}"),
		raw("a thousand brackets", invalid, "GetCampaign", strings.Repeat("[", 1000)),
		raw("half a surrogate pair in a name", invalid, "GetCampaign", `{"campaign":"\ud800","version":1}`),
	}
}

// badRedemptions are batches whose JSON is not well formed, or that are too large.
func badRedemptions() []attack {
	invalid := words(coupon.ReasonInvalidRequest)
	// spoilt proposes a redemption whose JSON was changed.
	spoilt := func(name string, want []string, spoil func(text string) string) attack {
		return attack{name: name, by: aRetailer, want: want, run: func(ctx context.Context, a *arena) outcome {
			s := a.batch(ctx, retailer, a.share(ctx, coupon.HolderBearer).mint(1).Text())
			text := spoil(string(must(json.Marshal(s.Input))))
			began := time.Now()
			_, err := a.contract(a.link(retailer, "retailer")).SubmitWithContext(ctx, "Redeem",
				client.WithEndorsingOrganizations(issuer, retailer), client.WithTransient(map[string][]byte{coupon.TransientKey: []byte(text)}))
			return refusedBy(err, time.Since(began))
		}}
	}
	replace := func(old, with string) func(string) string {
		return func(text string) string { return strings.Replace(text, old, with, 1) }
	}
	return []attack{
		spoilt("null in a redemption", invalid, replace(`"invoice":{`, `"invoice":null,"x":{`)),
		spoilt("a field twice in a redemption", invalid, replace(`"salt":`, `"salt":"00","salt":`)),
		spoilt("a field in capitals in a redemption", invalid, replace(`"salt"`, `"SALT"`)),
		spoilt("an unknown field in a redemption", invalid, replace(`"salt":`, `"pepper":1,"salt":`)),
		spoilt("invalid UTF-8 in a redemption", invalid, replace("Girohaus", "Giro\xffhaus")),
		spoilt("NaN in a redemption", invalid, replace(`"total":249`, `"total":NaN`)),
		spoilt("an empty batch", words(coupon.ReasonTooMany), func(string) string {
			return `{"salt":"01` + strings.Repeat("00", 31) + `","sales":[]}`
		}),
		{name: "a batch of 1,001 sales", by: aRetailer, want: words(coupon.ReasonTooMany), run: func(ctx context.Context, a *arena) outcome {
			s := a.batch(ctx, retailer, a.share(ctx, coupon.HolderBearer).mint(1).Text())
			in := s.Input.(coupon.BatchInput)
			for len(in.Sales) <= coupon.MaxBatchCoupons {
				sale := in.Sales[0]
				sale.RequestID = uuid.NewString()
				in.Sales = append(in.Sales, sale)
			}
			s.Input = in
			return a.submit(ctx, s)
		}},
		{name: "request id that could be guessed", by: aRetailer, want: invalid, run: func(ctx context.Context, a *arena) outcome {
			r := request(a.share(ctx, coupon.HolderBearer).mint(1).Text())
			r.RequestId = "00000000-0000-1000-8000-000000000001"
			return a.sell(ctx, retailer, r)
		}},
	}
}

// badCoupons are no coupons.
func badCoupons() []attack {
	// bytes hands in a coupon whose bytes were changed.
	bytes := func(name string, want coupon.Reason, change func([]byte) []byte) attack {
		return attack{name: name, by: customer, want: words(want), run: func(ctx context.Context, a *arena) outcome {
			c := change(a.share(ctx, coupon.HolderBearer).mint(1).Bytes())
			return a.tender(ctx, "ec1."+base64.RawURLEncoding.EncodeToString(c))
		}}
	}
	return []attack{
		bytes("coupon of an unknown version", coupon.ReasonUnsupportedVersion, func(b []byte) []byte { b[0] = 2; return b }),
		bytes("coupon of an unknown kind", coupon.ReasonUnknownKind, func(b []byte) []byte { b[1] = 9; return b }),
		bytes("coupon with a byte more", coupon.ReasonMalformedCoupon, func(b []byte) []byte { return append(b, 0) }),
		bytes("coupon cut off", coupon.ReasonMalformedCoupon, func(b []byte) []byte { return b[:len(b)-1] }),
		bytes("coupon with serial number 0", coupon.ReasonMalformedCoupon, func(b []byte) []byte { clear(b[20:28]); return b }),
		{name: "coupon bound to a key of small order", by: customer, want: words(coupon.ReasonBadOwnerKey), run: func(ctx context.Context, a *arena) outcome {
			c := a.share(ctx, coupon.HolderBound).mint(1, func(c *coupon.Coupon) { c.Bound, c.Owner = true, coupon.PublicKey{1} })
			return a.tender(ctx, c.Text())
		}},
	}
}
