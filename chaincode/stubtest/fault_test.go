// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ecoupon/chaincode/stubtest"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// fault expects an endorsement to fail as a dying chaincode process would.
func fault(t *testing.T, n *stubtest.Network, function, text string) {
	t.Helper()
	_, err := n.Endorse(proposal(n, function))
	var f *stubtest.FaultError
	if !errors.As(err, &f) {
		t.Fatalf("%s: error %v, want a FaultError", function, err)
	}
	if !strings.Contains(f.Problem, text) {
		t.Errorf("%s: %q, want something with %q", function, f.Problem, text)
	}
	if len(n.Faults()) == 0 {
		t.Errorf("%s: no fault on record", function)
	}
}

// recovering is chaincode that survives its own panics, as production code
// does. Faults must show nonetheless.
type recovering struct{ script }

// Invoke answers a panic with an error.
func (r recovering) Invoke(stub shim.ChaincodeStubInterface) (response *peer.Response) {
	defer func() {
		if recover() != nil {
			response = shim.Error("INTERNAL")
		}
	}()
	return r.script.Invoke(stub)
}

func TestFaultsAreLoud(t *testing.T) {
	t.Parallel()
	bad := "\xff\xfe"
	cc := script{
		"panic": func(shim.ChaincodeStubInterface, []string) ([]byte, error) { panic("out of paper") },
		"get":   func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) { return stub.GetState(bad) },
		"put": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return nil, stub.PutState(bad, []byte("v"))
		},
		"batch": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			stub.StartWriteBatch()
			return nil, stub.PutPrivateData(stubtest.Implicit(issuer), bad, []byte("v"))
		},
		"many": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			_, err := stub.GetMultipleStates("a", bad)
			return nil, err
		},
		"hash": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return stub.GetPrivateDataHash(stubtest.Implicit(issuer), bad)
		},
		"range": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			_, err := stub.GetStateByRange("a", bad)
			return nil, err
		},
		"event": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			return nil, stub.SetEvent(bad, nil)
		},
	}
	for _, chaincode := range []shim.Chaincode{cc, recovering{cc}} {
		n := network(t, chaincode)
		for function := range cc {
			if _, survives := chaincode.(recovering); survives && function == "panic" {
				refused(t, n, proposal(n, function), "INTERNAL") // a panic that is its own is the chaincode's affair
				continue
			}
			want := "not valid UTF-8"
			if function == "panic" {
				want = "out of paper"
			}
			fault(t, n, function, want)
		}
	}
}

// silent is chaincode that answers nothing.
type silent struct{ script }

// Invoke returns no response.
func (silent) Invoke(shim.ChaincodeStubInterface) *peer.Response { return nil }

func TestNoResponseIsAFault(t *testing.T) {
	t.Parallel()
	fault(t, network(t, silent{}), "any", "no response")
}

func TestStubIsForOneGoroutineAndOneInvocation(t *testing.T) {
	t.Parallel()
	var kept shim.ChaincodeStubInterface
	n := network(t, script{
		"keep": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			kept = stub
			return nil, nil
		},
		"share": func(stub shim.ChaincodeStubInterface, _ []string) ([]byte, error) {
			var noticed atomic.Bool
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for !noticed.Load() && t.Context().Err() == nil {
						if _, err := stub.GetMultipleStates("a", "b", "c", "d"); err != nil {
							noticed.Store(true)
						}
					}
				})
			}
			all.Wait()
			return nil, nil
		},
	})
	endorse(t, n, "keep")
	if len(n.Faults()) != 0 {
		t.Fatalf("faults %v", n.Faults())
	}
	if _, err := kept.GetState("k"); err == nil || len(n.Faults()) != 1 {
		t.Errorf("using a stub after Invoke: error %v, faults %v", err, n.Faults())
	}
	fault(t, n, "share", "two goroutines")
}
