// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// headerBytes is a block's header in the form that is hashed and signed.
func headerBytes(h *common.BlockHeader) ([]byte, error) {
	return asn1.Marshal(struct {
		Number                 *big.Int
		PreviousHash, DataHash []byte
	}{new(big.Int).SetUint64(h.GetNumber()), h.GetPreviousHash(), h.GetDataHash()})
}

// link checks that the block follows the one before, and that its header is of
// its transactions. It returns the header's hash, which the next block names.
func (a *auditor) link(b *common.Block) error {
	number := b.GetHeader().GetNumber()
	if number != a.next {
		return fmt.Errorf("block %d comes where block %d is due", number, a.next)
	}
	a.next++
	header, err := headerBytes(b.GetHeader())
	if err != nil {
		return fmt.Errorf("the header of block %d: %w", number, err)
	}
	if number > 0 && !bytes.Equal(b.GetHeader().GetPreviousHash(), a.head) {
		a.find(Finding{Rule: "previous-hash", Block: number, Text: "the block does not name the hash of the block before"})
	}
	data := sha256.Sum256(bytes.Join(b.GetData().GetData(), nil))
	if !bytes.Equal(b.GetHeader().GetDataHash(), data[:]) {
		a.find(Finding{Rule: "data-hash", Block: number, Text: "the header's hash is not of the block's transactions"})
	}
	sum := sha256.Sum256(header)
	a.head = sum[:]
	if number == 0 {
		return nil // what everything rests on; see Report.Genesis
	}
	if err := a.checkOrderers(b, header); err != nil {
		a.find(Finding{Rule: "orderers", Block: number, Text: err.Error()})
	}
	return nil
}

// checkOrderers counts the consenters that signed the block, under the
// configuration before it.
func (a *auditor) checkOrderers(b *common.Block, header []byte) error {
	all := b.GetMetadata().GetMetadata()
	if len(all) <= int(common.BlockMetadataIndex_SIGNATURES) {
		return errors.New("the block has no signatures")
	}
	var signed common.Metadata
	var meta common.OrdererBlockMetadata
	if err := errors.Join(
		proto.Unmarshal(all[common.BlockMetadataIndex_SIGNATURES], &signed), proto.Unmarshal(signed.GetValue(), &meta),
	); err != nil {
		return fmt.Errorf("reading the block's signatures: %w", err)
	}
	if last := meta.GetLastConfig().GetIndex(); last != a.configBlock && last != b.GetHeader().GetNumber() {
		return fmt.Errorf("the orderers say that the last configuration is of block %d, not of %d", last, a.configBlock)
	}
	good := map[string]bool{}
	for _, s := range signed.GetSignatures() {
		signer, message, err := a.orderer(s, signed.GetValue(), header)
		if err == nil && verify(signer.cert, message, s.GetSignature()) == nil {
			good[string(signer.raw)] = true
		}
	}
	if need := a.channel.quorum(); len(good) < need {
		return fmt.Errorf("%d of %d consenters signed the block; %d are needed", len(good), len(a.channel.consenters), need)
	}
	return nil
}

// orderer returns who a signature of a block is said to be of, and over what.
func (a *auditor) orderer(s *common.MetadataSignature, value, header []byte) (member, []byte, error) {
	if len(s.GetSignatureHeader()) == 0 {
		var id common.IdentifierHeader
		if err := proto.Unmarshal(s.GetIdentifierHeader(), &id); err != nil {
			return member{}, nil, err
		}
		consenter := a.channel.consenters[id.GetIdentifier()]
		if consenter == nil {
			return member{}, nil, fmt.Errorf("there is no consenter %d", id.GetIdentifier())
		}
		raw, err := proto.Marshal(&msp.SerializedIdentity{Mspid: consenter.GetMspId(), IdBytes: consenter.GetIdentity()})
		if err != nil {
			return member{}, nil, err
		}
		m, err := a.channel.identify(raw)
		return m, slices.Concat(value, s.GetIdentifierHeader(), header), err
	}
	var signature common.SignatureHeader
	if err := proto.Unmarshal(s.GetSignatureHeader(), &signature); err != nil {
		return member{}, nil, err
	}
	m, err := a.channel.identify(signature.GetCreator())
	if err == nil && !a.channel.isConsenter(m) {
		err = errors.New("the signer is no consenter")
	}
	return m, slices.Concat(value, s.GetSignatureHeader(), header), err
}

// isConsenter says whether the member orders blocks. Where the configuration
// has no list with certificates, any orderer does.
func (c *channel) isConsenter(m member) bool {
	for _, consenter := range c.consenters {
		cert, err := parseCertificate(consenter.GetIdentity())
		if err == nil && consenter.GetMspId() == m.mspID && cert.Equal(m.cert) {
			return true
		}
	}
	return len(c.consenters) == 0 && m.unit == unitOrderer
}

// codes are the validation codes that the peer stored with the block.
func codes(b *common.Block) ([]peer.TxValidationCode, error) {
	all := b.GetMetadata().GetMetadata()
	if len(all) <= int(common.BlockMetadataIndex_TRANSACTIONS_FILTER) {
		return nil, errors.New("the block has no validation codes")
	}
	flags := all[common.BlockMetadataIndex_TRANSACTIONS_FILTER]
	if len(flags) != len(b.GetData().GetData()) {
		return nil, fmt.Errorf("the block has %d validation codes for %d transactions", len(flags), len(b.GetData().GetData()))
	}
	out := make([]peer.TxValidationCode, len(flags))
	for i, flag := range flags {
		out[i] = peer.TxValidationCode(flag)
	}
	return out, nil
}
