// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxDelivered bounds a message of the peer: a block of the largest size, and what is
// private of it.
const maxDelivered = 256 << 20

// Peer is a member's own peer, as a source of blocks.
type Peer struct {
	Conn    grpc.ClientConnInterface
	Channel string
	MSPID   string
	// Identity is who asks: a certificate of the organisation that the channel knows,
	// with an ECDSA key. TLS is what the connection presents.
	Identity, TLS tls.Certificate
	// To is the last block that is wanted; negative for the newest one.
	To int64
}

// ErrDelivery says that the peer did not hand over what was asked for.
var ErrDelivery = errors.New("the peer does not deliver")

// Deliver is a Source: all blocks up to To, with the private data of the
// organisation's own collections.
func (p Peer) Deliver(ctx context.Context, visit func(*common.Block, PrivateData) error) error {
	ask, err := p.seek()
	if err != nil {
		return fmt.Errorf("asking for blocks: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := peer.NewDeliverClient(p.Conn).DeliverWithPrivateData(ctx, grpc.MaxCallRecvMsgSize(maxDelivered))
	if err != nil {
		return fmt.Errorf("asking for blocks: %w", err)
	}
	if err := stream.Send(ask); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("asking for blocks: %w", err)
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("receiving blocks: %w", err)
		}
		switch t := answer.GetType().(type) {
		case *peer.DeliverResponse_BlockAndPrivateData:
			err = visit(t.BlockAndPrivateData.GetBlock(), t.BlockAndPrivateData.GetPrivateDataMap())
		case *peer.DeliverResponse_Status:
			if t.Status == common.Status_SUCCESS {
				return nil
			}
			err = fmt.Errorf("%w: %s", ErrDelivery, t.Status)
		default:
			err = fmt.Errorf("%w: an answer of unknown form", ErrDelivery)
		}
		if err != nil {
			return err
		}
	}
}

// seek makes the signed request.
func (p Peer) seek() (*common.Envelope, error) {
	stop := &orderer.SeekPosition{Type: &orderer.SeekPosition_Newest{Newest: &orderer.SeekNewest{}}}
	if p.To >= 0 {
		stop = position(uint64(p.To))
	}
	data, err := proto.Marshal(&orderer.SeekInfo{
		Start: position(0), Stop: stop, Behavior: orderer.SeekInfo_FAIL_IF_NOT_READY, //nolint:misspell // Fabric's name
	})
	if err != nil {
		return nil, err
	}
	header, err := p.header()
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&common.Payload{Header: header, Data: data})
	if err != nil {
		return nil, err
	}
	signature, err := p.sign(payload)
	if err != nil {
		return nil, err
	}
	return &common.Envelope{Payload: payload, Signature: signature}, nil
}

func position(number uint64) *orderer.SeekPosition {
	return &orderer.SeekPosition{Type: &orderer.SeekPosition_Specified{Specified: &orderer.SeekSpecified{Number: number}}}
}

func (p Peer) header() (*common.Header, error) {
	creator, err := proto.Marshal(&msp.SerializedIdentity{
		Mspid: p.MSPID, IdBytes: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Identity.Certificate[0]}),
	})
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 24)
	_, _ = rand.Read(nonce) // never fails
	binding := sha256.Sum256(p.TLS.Certificate[0])
	channel, err := proto.Marshal(&common.ChannelHeader{
		Type: int32(common.HeaderType_DELIVER_SEEK_INFO), ChannelId: p.Channel,
		Timestamp: timestamppb.Now(), TlsCertHash: binding[:],
	})
	if err != nil {
		return nil, err
	}
	signature, err := proto.Marshal(&common.SignatureHeader{Creator: creator, Nonce: nonce})
	return &common.Header{ChannelHeader: channel, SignatureHeader: signature}, err
}

// sign signs as members of a channel do: with the smaller of the two
// equivalent S.
func (p Peer) sign(message []byte) ([]byte, error) {
	key, ok := p.Identity.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key of the credentials is not ECDSA")
	}
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	if n := key.Params().N; s.Cmp(new(big.Int).Rsh(n, 1)) > 0 {
		s.Sub(n, s)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{r, s})
}
