// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"ecoupon/chaincode/coupon"
)

// tillEndorses has a redemption endorsed by the issuer's peer and, in place of
// the retailer's, by a till.
func tillEndorses(ctx context.Context, a *arena) outcome {
	tx := must(a.endorse(ctx, a.batch(ctx, retailer, a.share(ctx, coupon.HolderBearer).mint(1).Text())))
	folder := a.network.Folder(nameOf(retailer), "till-1")
	certificate := must(os.ReadFile(filepath.Join(folder, "cert.pem")))
	block, _ := pem.Decode(must(os.ReadFile(filepath.Join(folder, "key.pem"))))
	key := must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*ecdsa.PrivateKey)
	tx.Transaction = must(tx.link.NewTransaction(endorsedBy(must(tx.Bytes()), certificate, key)))
	return a.order(ctx, tx, time.Now())
}

// endorsedBy replaces the retailer's endorsement in a transaction by another of
// the same member.
func endorsedBy(bytes, certificate []byte, key crypto.Signer) []byte {
	var (
		prepared gateway.PreparedTransaction
		payload  common.Payload
		tx       peer.Transaction
		action   peer.ChaincodeActionPayload
	)
	check(proto.Unmarshal(bytes, &prepared))
	check(proto.Unmarshal(prepared.GetEnvelope().GetPayload(), &payload))
	check(proto.Unmarshal(payload.GetData(), &tx))
	check(proto.Unmarshal(tx.GetActions()[0].GetPayload(), &action))
	for _, e := range action.GetAction().GetEndorsements() {
		var by msp.SerializedIdentity
		check(proto.Unmarshal(e.GetEndorser(), &by))
		if by.GetMspid() != retailer {
			continue
		}
		by.IdBytes = certificate
		e.Endorser = must(proto.Marshal(&by))
		digest := sha256.Sum256(slices.Concat(action.GetAction().GetProposalResponsePayload(), e.GetEndorser()))
		e.Signature = must(key.Sign(rand.Reader, digest[:], crypto.SHA256))
	}
	tx.Actions[0].Payload = must(proto.Marshal(&action))
	payload.Data = must(proto.Marshal(&tx))
	prepared.Envelope.Payload = must(proto.Marshal(&payload))
	prepared.Envelope.Signature = nil
	return must(proto.Marshal(&prepared))
}
