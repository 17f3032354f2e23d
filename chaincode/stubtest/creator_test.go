// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

func TestCreatorAndProposal(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 5, 6, 7, 8, 9, 10, time.UTC)
	var seen struct {
		mspID, role, id      string
		client, admin, found bool
		stub                 shim.ChaincodeStubInterface
		signed               *peer.SignedProposal
		transient            map[string][]byte
	}
	n := stubtest.New(stubtest.Config{Channel: "test"})
	n.Define(namespace, stubtest.AnyOf(issuer))
	n.AddOrganisation(issuer, script{"look": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
		client, err := cid.New(stub)
		if err != nil {
			return nil, err
		}
		seen.mspID, _ = client.GetMSPID()
		seen.id, _ = client.GetID()
		seen.role, seen.found, _ = client.GetAttributeValue("role")
		seen.client, _ = client.HasOUValue("client")
		seen.admin, _ = client.HasOUValue("admin")
		seen.stub = stub
		seen.transient, _ = stub.GetTransient()
		seen.signed, err = stub.GetSignedProposal()
		return nil, err
	}})
	tx := endorseAs(t, n, look(n, at))
	equal(t, "MSP", seen.mspID, issuer)
	equal(t, "role", seen.role, "till")
	equal(t, "unit client", seen.client, true)
	equal(t, "unit admin", seen.admin, false)
	equal(t, "channel", seen.stub.GetChannelID(), "test")
	equal(t, "id", seen.stub.GetTxID(), tx.ID)
	ts, err := seen.stub.GetTxTimestamp()
	if err != nil || !ts.AsTime().Equal(at) {
		t.Errorf("timestamp %v, %v", ts, err)
	}
	checkProposal(t, seen.signed, tx, at)
	equal(t, "transient", string(seen.transient["input"]), "hidden")
	if bytes.Contains(tx.Bytes, []byte("hidden")) {
		t.Error("transient data is in the transaction")
	}
	endorseAs(t, n, stubtest.Proposal{
		Namespace: namespace, Function: "look", Creator: n.Identity(issuer, "admin"), Endorsers: []string{issuer},
	})
	equal(t, "unit admin of an administrator", seen.admin, true)
}

// look is a proposal by a till with transient data.
func look(n *stubtest.Network, at time.Time) stubtest.Proposal {
	return stubtest.Proposal{
		Namespace: namespace, Function: "look", Args: []string{"x"}, Creator: n.Identity(issuer, "till"),
		Endorsers: []string{issuer}, Time: at, Transient: map[string][]byte{"input": []byte("hidden")},
	}
}

// checkProposal reads the signed proposal as chaincode does that looks for its
// namespace.
func checkProposal(t *testing.T, signed *peer.SignedProposal, tx *stubtest.Transaction, at time.Time) {
	t.Helper()
	var (
		prop      peer.Proposal
		header    common.Header
		channel   common.ChannelHeader
		extension peer.ChaincodeHeaderExtension
		signature common.SignatureHeader
		payload   peer.ChaincodeProposalPayload
	)
	err := errors.Join(
		proto.Unmarshal(signed.ProposalBytes, &prop), proto.Unmarshal(prop.Header, &header),
		proto.Unmarshal(header.ChannelHeader, &channel), proto.Unmarshal(channel.Extension, &extension),
		proto.Unmarshal(header.SignatureHeader, &signature), proto.Unmarshal(prop.Payload, &payload),
	)
	if err != nil {
		t.Fatalf("reading the signed proposal: %v", err)
	}
	equal(t, "namespace", extension.GetChaincodeId().GetName(), namespace)
	equal(t, "transaction id", channel.TxId, tx.ID)
	equal(t, "time", channel.Timestamp.AsTime(), at)
	equal(t, "creator", string(signature.Creator), string(tx.Creator))
	equal(t, "transient", string(payload.TransientMap["input"]), "hidden")
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	n, elsewhere := network(t, basics()), network(t, basics())
	for name, id := range map[string]stubtest.Identity{
		"a certificate outside the MSP": n.Outsider(retailer, "till"),
		"a certificate of another CA":   elsewhere.Identity(retailer, "service"),
	} {
		p := proposal(n, "put", "a", "b")
		p.Creator = id
		if _, err := n.Endorse(p); err == nil || !strings.Contains(err.Error(), "access denied") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := n.Evaluate(p); err == nil {
			t.Errorf("%s may evaluate", name)
		}
	}
	if a, b := n.Identity(issuer, "service"), n.Identity(issuer, "service"); !bytes.Equal(a.Serialized, b.Serialized) {
		t.Error("an identity is another one the second time")
	}
}
