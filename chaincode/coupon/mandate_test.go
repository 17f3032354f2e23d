// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"strings"
	"testing"
)

func goodMandate() Mandate {
	return Mandate{
		Issuer: "IssuerMSP", Emitter: "AdvertiserMSP", Product: "Tea", Offer: "1 € off",
		Campaign: "summer-tea", Version: 1, Kind: KindStatic, Epoch: 1, TermsSHA256: Hash{1},
	}
}

func TestMandateCheck(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{KindStatic, KindDynamic, KindProof} {
		good := goodMandate()
		good.Kind = kind
		wantReason(t, "a good mandate", good.Check(), "")
	}
	for what, refused := range map[string]struct {
		alter  func(m *Mandate)
		reason Reason
	}{
		"no issuer":         {func(m *Mandate) { m.Issuer = "" }, ReasonInvalidRequest},
		"no emitter":        {func(m *Mandate) { m.Emitter = "" }, ReasonInvalidRequest},
		"no campaign":       {func(m *Mandate) { m.Campaign = "" }, ReasonInvalidRequest},
		"a long campaign":   {func(m *Mandate) { m.Campaign = strings.Repeat("x", 65) }, ReasonInvalidRequest},
		"no product":        {func(m *Mandate) { m.Product = "" }, ReasonInvalidRequest},
		"a long product":    {func(m *Mandate) { m.Product = strings.Repeat("x", 201) }, ReasonInvalidRequest},
		"a tab in an offer": {func(m *Mandate) { m.Offer = "a\tb" }, ReasonInvalidRequest},
		"version 0":         {func(m *Mandate) { m.Version = 0 }, ReasonInvalidRequest},
		"epoch 0":           {func(m *Mandate) { m.Epoch = 0 }, ReasonInvalidRequest},
		"kind Static":       {func(m *Mandate) { m.Kind = "Static" }, ReasonUnknownKind},
		"no kind":           {func(m *Mandate) { m.Kind = "" }, ReasonUnknownKind},
	} {
		m := goodMandate()
		refused.alter(&m)
		wantReason(t, what, m.Check(), refused.reason)
	}
}

func TestEveryFieldIsInTheMandate(t *testing.T) {
	t.Parallel()
	good := goodMandate()
	kF := DeriveFrameworkKey(secretOf("k_M"))
	for what, alter := range map[string]func(m *Mandate){
		"issuer": func(m *Mandate) { m.Issuer += "x" }, "emitter": func(m *Mandate) { m.Emitter += "x" },
		"product": func(m *Mandate) { m.Product += "x" }, "offer": func(m *Mandate) { m.Offer += "x" },
		"campaign": func(m *Mandate) { m.Campaign += "x" }, "version": func(m *Mandate) { m.Version++ },
		"kind": func(m *Mandate) { m.Kind = KindProof }, "epoch": func(m *Mandate) { m.Epoch++ },
		"terms":              func(m *Mandate) { m.TermsSHA256[31] ^= 1 },
		"version for epoch":  func(m *Mandate) { m.Version, m.Epoch = 2, 1 },
		"epoch for version":  func(m *Mandate) { m.Version, m.Epoch = 1, 2 },
		"a letter that goes": func(m *Mandate) { m.Product, m.Offer = "Te", "a1 € off" },
	} {
		m := good
		alter(&m)
		if m.ID() == good.ID() || m.MAC(kF) == good.MAC(kF) {
			t.Errorf("%s is not in the mandate", what)
		}
	}
	if good.ID() != IDOf(good.Data()) {
		t.Error("ID is not IDOf m_data")
	}
	if good.MAC(kF) == good.MAC(DeriveFrameworkKey(secretOf("another k_M"))) {
		t.Error("the MAC does not depend on the key")
	}
}
