// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package ledgertest

import (
	"encoding/json"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"ecoupon/chaincode/contract"
	"ecoupon/chaincode/stubtest"
	"ecoupon/services/internal/serve"
)

// announceFunction is what altered chaincode calls what it does.
const announceFunction = "Announce"

// announcement is chaincode that an organisation has altered: it writes into its owner's collection, which needs
// nobody else's consent, and says something to everybody.
type announcement struct {
	owner, event string
	payload      []byte
}

// Init does nothing.
func (announcement) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

// Invoke writes into the owner's collection and sets the event.
func (a announcement) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	if err := stub.PutPrivateData("_implicit_org_"+a.owner, "anything", []byte(stub.GetTxID())); err != nil {
		return shim.Error(err.Error())
	}
	if err := stub.SetEvent(a.event, a.payload); err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}

// Announce commits an event that an organisation has made up, with nobody's help; what it is about need not be so. A
// payload that is not bytes is sent as JSON. It returns the transaction's id.
func (c *Consortium) Announce(t testing.TB, by, namespace, event string, payload any) string {
	t.Helper()
	text, raw := payload.([]byte)
	if !raw {
		var err error
		if text, err = json.Marshal(payload); err != nil {
			t.Fatal(err)
		}
	}
	honest, err := contract.New(contract.Config{MSPID: by, Now: c.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	c.Network.AddOrganisation(by, announcement{by, event, text})
	tx, err := c.Network.Endorse(stubtest.Proposal{
		Namespace: namespace, Function: announceFunction, Creator: c.Network.Identity(by, serve.RoleService),
		Time: c.Clock.Now(), Endorsers: []string{by},
	})
	c.Network.AddOrganisation(by, honest)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := c.Network.SubmitAndWait(t.Context(), tx); err != nil || result.Code != peer.TxValidationCode_VALID {
		t.Fatalf("the made-up event was committed with %s, %v", result.Code, err)
	}
	return tx.ID
}
