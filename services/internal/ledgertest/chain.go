// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/stubtest"
	"ecoupon/services/audit"
)

// Chain is what a peer would have of the consortium's ledger: a configuration
// of the channel, the issuers' chaincode definitions, and then the
// transactions of the network, all signed and linked as on a real one.
type Chain struct {
	Blocks []*ChainBlock

	network *stubtest.Network
	channel string
	members []string
}

// ChainBlock is one block with what a peer of everybody would keep of its
// private data.
type ChainBlock struct {
	*common.Block
	Private map[uint64]*rwset.TxPvtReadWriteSet
}

// before is how many blocks there are before the network's first one, beside
// block 0.
const before = 1

// Chain makes the chain of all that is on the ledger so far.
func (c *Consortium) Chain(t testing.TB) *Chain {
	t.Helper()
	chain := &Chain{network: c.Network, channel: c.Directory.Channel}
	for _, o := range c.Directory.Organisations {
		chain.members = append(chain.members, o.MSPID)
	}
	m := &maker{t: t, Chain: chain}
	m.add(m.genesis())
	m.add(m.definitions(c))
	for _, block := range c.Network.Blocks()[1:] {
		m.add(m.translate(block))
	}
	chain.Seal(t, 0)
	return chain
}

// audit re-checks the ledger that a test leaves, as one of the members: services
// have put nothing on it that breaks a rule. What Announce did is left out.
func (c *Consortium) audit(t testing.TB) {
	t.Helper()
	chain := c.Chain(t)
	source := func(_ context.Context, visit func(*common.Block, audit.PrivateData) error) error {
		for _, b := range chain.Blocks {
			if err := visit(b.Block, b.Private); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := audit.Run(context.Background(), source, audit.Options{
		MSPID: chain.members[len(chain.Blocks)%len(chain.members)],
		Found: func(f audit.Finding) {
			if f.Level == audit.Breach && f.Function != announceFunction {
				t.Errorf("the audit finds %s by %s: %s", f.Rule, f.Organisations, f.Text)
			}
		},
	})
	if err != nil {
		t.Error(err)
	}
}

// Seal makes hashes and the orderers' signatures of all blocks from the number
// on anew, as somebody would who has all orderers.
func (c *Chain) Seal(t testing.TB, from int) {
	t.Helper()
	for i := from; i < len(c.Blocks); i++ {
		b := c.Blocks[i]
		b.Header.Number = uint64(i)
		if i > 0 {
			sum := sha256.Sum256(headerBytes(t, c.Blocks[i-1].Header))
			b.Header.PreviousHash = sum[:]
		}
		data := sha256.Sum256(bytes.Join(b.Data.Data, nil))
		b.Header.DataHash = data[:]
		c.Sign(t, i, c.members...)
	}
}

// Sign makes the orderers of these organisations the ones that signed a block.
func (c *Chain) Sign(t testing.TB, number int, organisations ...string) {
	t.Helper()
	b := c.Blocks[number]
	last, _ := c.configuration(t, number)
	meta := &common.Metadata{Value: encode(t, &common.OrdererBlockMetadata{LastConfig: &common.LastConfig{Index: uint64(last)}})}
	for i, mspID := range c.members {
		for _, signer := range organisations {
			if signer != mspID {
				continue
			}
			header := encode(t, &common.IdentifierHeader{Identifier: uint32(i + 1)})
			message := bytes.Join([][]byte{meta.Value, header, headerBytes(t, b.Header)}, nil)
			meta.Signatures = append(meta.Signatures, &common.MetadataSignature{
				IdentifierHeader: header, Signature: sign(t, c.network.Member(mspID, "orderer").Key, message),
			})
		}
	}
	b.Metadata.Metadata[common.BlockMetadataIndex_SIGNATURES] = encode(t, meta)
}

// Code replaces the validation code that the peer stored.
func (c *Chain) Code(block, transaction int, code peer.TxValidationCode) {
	c.Blocks[block].Metadata.Metadata[common.BlockMetadataIndex_TRANSACTIONS_FILTER][transaction] = byte(code)
}

func headerBytes(t testing.TB, h *common.BlockHeader) []byte {
	t.Helper()
	out, err := asn1.Marshal(struct {
		Number                 *big.Int
		PreviousHash, DataHash []byte
	}{new(big.Int).SetUint64(h.Number), h.PreviousHash, h.DataHash})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sign signs as Fabric does, with the smaller of the two equivalent S.
func sign(t testing.TB, key *ecdsa.PrivateKey, message []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if n := key.Params().N; s.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
		s.Sub(n, s)
	}
	out, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func decode[M proto.Message](t testing.TB, text []byte, into M) M {
	t.Helper()
	if err := proto.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
	return into
}

// Endorsements lets a cheat change the endorsements of a transaction, who is
// its creator and has all orderers on its side.
func (c *Chain) Endorsements(t testing.TB, block, transaction int, change func([]*peer.Endorsement) []*peer.Endorsement) {
	t.Helper()
	c.rewrite(t, block, transaction, func(a *peer.ChaincodeEndorsedAction) { a.Endorsements = change(a.Endorsements) })
}

// EndorseAs replaces the second endorsement of a transaction by one of another
// member of the organisation, who has signed; without a unit by one of
// somebody whom its authority does not know.
func (c *Chain) EndorseAs(t testing.TB, block, transaction int, unit string) {
	t.Helper()
	c.rewrite(t, block, transaction, func(a *peer.ChaincodeEndorsedAction) {
		mspID := decode(t, a.Endorsements[1].Endorser, &msp.SerializedIdentity{}).Mspid
		by := c.network.Outsider(mspID, "peer")
		if unit != "" {
			by = c.network.Member(mspID, unit)
		}
		a.Endorsements[1] = &peer.Endorsement{
			Endorser: by.Serialized, Signature: sign(t, by.Key, append(bytes.Clone(a.ProposalResponsePayload), by.Serialized...)),
		}
	})
}

func (c *Chain) rewrite(t testing.TB, block, transaction int, change func(*peer.ChaincodeEndorsedAction)) {
	t.Helper()
	entry := &c.Blocks[block].Data.Data[transaction]
	envelope := decode(t, *entry, &common.Envelope{})
	payload := decode(t, envelope.Payload, &common.Payload{})
	body := decode(t, payload.Data, &peer.Transaction{})
	action := decode(t, body.Actions[0].Payload, &peer.ChaincodeActionPayload{})
	change(action.Action)
	body.Actions[0].Payload = encode(t, action)
	payload.Data = encode(t, body)
	envelope.Payload = encode(t, payload)
	creator := decode(t, payload.Header.SignatureHeader, &common.SignatureHeader{}).Creator
	envelope.Signature = sign(t, c.network.Key(creator), envelope.Payload)
	*entry = encode(t, envelope)
	c.Seal(t, block)
}

// Define appends a block that commits a definition, which so many of these
// organisations' peers must endorse.
func (c *Chain) Define(t testing.TB, namespace string, sequence int64, needs int32, organisations []string) {
	t.Helper()
	m := &maker{t: t, Chain: c}
	m.add([][]byte{m.definition(namespace, sequence, m.peers(needs, organisations))}, []byte{0}, nil)
	c.Seal(t, len(c.Blocks)-1)
}
