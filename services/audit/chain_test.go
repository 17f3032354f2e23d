// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/services/audit"
	"ecoupon/services/internal/campaigntest"
	"ecoupon/services/internal/ledgertest"
	. "ecoupon/services/internal/servetest"
)

// rules are the breaches' rules.
func rules(found []audit.Finding) []string {
	var out []string
	for _, f := range found {
		if f.Level == audit.Breach {
			out = append(out, f.Rule)
		}
	}
	return out
}

// Each row alters what a peer shows of an honest ledger.
func TestAnAlteredChainIsFound(t *testing.T) {
	t.Parallel()
	const last = 9 // the second redemption's block
	tests := []struct {
		name  string
		alter func(t *testing.T, c *ledgertest.Chain)
		want  []string
	}{
		{"as it is", func(*testing.T, *ledgertest.Chain) {}, nil},
		{"two of four orderers signed", func(t *testing.T, c *ledgertest.Chain) { c.Sign(t, last, IssuerMSP, ClearingMSP) }, []string{"orderers"}},
		{"three of four did", func(t *testing.T, c *ledgertest.Chain) { c.Sign(t, last, IssuerMSP, ClearingMSP, RetailerMSP) }, nil},
		{"a block's signature twice", func(t *testing.T, c *ledgertest.Chain) {
			c.Sign(t, last, IssuerMSP, ClearingMSP)
			meta := &c.Blocks[last].Metadata.Metadata[common.BlockMetadataIndex_SIGNATURES]
			var signed common.Metadata
			if err := proto.Unmarshal(*meta, &signed); err != nil {
				t.Fatal(err)
			}
			signed.Signatures = append(signed.Signatures, signed.Signatures...)
			*meta = marshal(t, &signed)
		}, []string{"orderers"}},
		{"another block in its place", func(t *testing.T, c *ledgertest.Chain) {
			c.Blocks[last].Header.PreviousHash = make([]byte, 32)
			c.Sign(t, last, RetailerMSP, IssuerMSP, ClearingMSP)
		}, []string{"previous-hash"}},
		{"a transaction exchanged", func(_ *testing.T, c *ledgertest.Chain) {
			c.Blocks[last].Data.Data[0] = c.Blocks[last-1].Data.Data[0]
			c.Blocks[last].Private = c.Blocks[last-1].Private
		}, []string{"data-hash", "validation-code", "overwritten", "overwritten", "overwritten", "double-spent", "overwritten", "overwritten"}},
		{"a valid transaction said to be invalid", func(_ *testing.T, c *ledgertest.Chain) {
			c.Code(last, 0, peer.TxValidationCode_MVCC_READ_CONFLICT)
		}, []string{"validation-code"}},
		{"a private record exchanged", func(_ *testing.T, c *ledgertest.Chain) {
			ns := c.Blocks[last].Private[0].NsPvtRwset[0]
			for _, coll := range ns.CollectionPvtRwset {
				coll.Rwset = slices.Concat(coll.Rwset, []byte{0x0a, 0x00})
			}
		}, []string{"private-mismatch"}},
		{"no private data", func(_ *testing.T, c *ledgertest.Chain) {
			c.Blocks[last].Private = map[uint64]*rwset.TxPvtReadWriteSet{}
		}, nil},
		{"an endorsement taken away", func(t *testing.T, c *ledgertest.Chain) {
			c.Endorsements(t, last, 0, func(e []*peer.Endorsement) []*peer.Endorsement { return e[:1] })
		}, []string{"validation-code", "endorsers"}},
		{"an endorsement forged", func(t *testing.T, c *ledgertest.Chain) {
			c.Endorsements(t, last, 0, func(e []*peer.Endorsement) []*peer.Endorsement {
				e[0].Signature, e[1].Signature = e[1].Signature, e[0].Signature
				return e
			})
		}, []string{"validation-code", "endorsers"}},
		{"a client's signature for a peer's", func(t *testing.T, c *ledgertest.Chain) { c.EndorseAs(t, last, 0, "client") }, []string{"validation-code", "endorsers"}},
		{"an outsider's signature for a peer's", func(t *testing.T, c *ledgertest.Chain) { c.EndorseAs(t, last, 0, "") }, []string{"validation-code", "endorsers"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, p := consortium(t)
			p.Redeem(t, RetailerMSP, "A-1", 1)
			p.Redeem(t, RetailerMSP, "A-2", 2)
			chain := c.Chain(t)
			if len(chain.Blocks) != last+1 {
				t.Fatalf("%d blocks", len(chain.Blocks))
			}
			tt.alter(t, chain)
			_, found := run(t, chain, RetailerMSP)
			if diff := cmp.Diff(tt.want, rules(found)); diff != "" {
				t.Errorf("breaches (-want +got):\n%s\n%+v", diff, found)
			}
		})
	}
}

// What the issuer alone endorses is refused by the ledger, and found again to
// be refused; who tried is named.
func TestRefusedAttemptsAreListed(t *testing.T) {
	t.Parallel()
	c, p := consortium(t)
	record := p.Redeem(t, RetailerMSP, "A-1", 1)
	fraud{
		creator: IssuerMSP, function: "Tick", endorsers: []string{IssuerMSP},
		do: func(stub shim.ChaincodeStubInterface) error { return stub.DelState("spent/00") },
	}.commit(t, c, peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE)
	p.Claim(t, RetailerMSP, record)
	chain := c.Chain(t)
	_, found := run(t, chain, IssuerMSP)
	if len(found) != 2 || found[1].Rule != "refused" || found[1].Level != audit.Notice || !slices.Equal(found[1].Organisations, []string{IssuerMSP}) {
		t.Errorf("%+v", found)
	}
	chain.Code(9, 0, peer.TxValidationCode_VALID)
	_, found = run(t, chain, IssuerMSP)
	if got := rules(found); !slices.Contains(got, "validation-code") || !slices.Contains(got, "deleted") {
		t.Errorf("a peer that says it is valid: %v", got)
	}
}

// Findings of blocks before --from do not count, and other beginnings are
// another ledger.
func TestFromAndGenesis(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	chain := c.Chain(t)
	chain.Code(3, 0, peer.TxValidationCode_MVCC_READ_CONFLICT)
	for from, want := range map[uint64]int64{0: 1, 3: 1, 4: 0} {
		report, err := audit.Run(t.Context(), source(chain), audit.Options{From: from, Found: func(audit.Finding) {}})
		if err != nil || report.Found["validation-code"] != want {
			t.Errorf("from %d: %+v, %v", from, report, err)
		}
	}
	report, err := audit.Run(t.Context(), source(chain), audit.Options{Genesis: "00", Found: func(audit.Finding) {}})
	if !errors.Is(err, audit.ErrOtherLedger) {
		t.Errorf("another first block: %v", err)
	}
	if _, err := audit.Run(t.Context(), source(chain), audit.Options{Genesis: report.Genesis, Found: func(audit.Finding) {}}); err != nil {
		t.Error(err)
	}
	chain.Blocks = append(chain.Blocks[:4:4], chain.Blocks[5:]...)
	if _, err := audit.Run(t.Context(), source(chain), audit.Options{Found: func(audit.Finding) {}}); err == nil {
		t.Error("a block is missing, and nothing is said")
	}
}

// A definition that asks for less than the issuer and another is named when it
// is committed.
func TestAWeakDefinitionIsFound(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	members := []string{IssuerMSP, AdvertiserMSP, RetailerMSP, ClearingMSP}
	tests := []struct {
		name    string
		needs   int32
		members []string
		want    []string
	}{
		{"any two", 2, members, []string{"weak-definition"}},
		{"the issuer alone", 1, members[:1], []string{"weak-definition"}},
		{"anybody", 1, members, []string{"weak-definition"}},
		{"without the issuer", 2, members[1:], []string{"weak-definition"}},
		{"all of them", 4, members, nil},
		{"the issuer and the clearing house", 2, []string{IssuerMSP, ClearingMSP}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chain := c.Chain(t)
			chain.Define(t, namespace, 2, tt.needs, tt.members)
			_, found := run(t, chain, "")
			if diff := cmp.Diff(tt.want, rules(found)); diff != "" {
				t.Errorf("breaches (-want +got):\n%s\n%+v", diff, found)
			}
			committed := slices.IndexFunc(found, func(f audit.Finding) bool { return f.Rule == "definition-committed" && f.Block > 1 })
			if committed < 0 {
				t.Errorf("the definition is not listed: %+v", found)
			}
		})
	}
}

// An audit ends when its context does.
func TestAnAuditIsCancelled(t *testing.T) {
	t.Parallel()
	c, _ := consortium(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := audit.Run(ctx, source(c.Chain(t)), audit.Options{Found: func(audit.Finding) {}}); err == nil {
		t.Error("it went on")
	}
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	out, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// BenchmarkAudit is how fast batches are audited, without a peer's delivery.
func BenchmarkAudit(b *testing.B) {
	c := ledgertest.New(b, ledgertest.Options{})
	c.SetUp(b, IssuerMSP, ClearingMSP)
	p := campaigntest.Publish(b, c, campaigntest.Options{Quotas: []int64{10_000}})
	for i := range int64(20) {
		p.Redeem(b, RetailerMSP, "A-"+string(rune('a'+i)), i+1)
	}
	chain := c.Chain(b)
	b.ResetTimer()
	for b.Loop() {
		_, err := audit.Run(b.Context(), source(chain), audit.Options{MSPID: RetailerMSP, Found: func(f audit.Finding) {
			if f.Level == audit.Breach {
				b.Fatalf("%+v", f)
			}
		}})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(chain.Blocks)*b.N)/b.Elapsed().Seconds(), "blocks/s")
}
