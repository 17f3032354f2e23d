// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// stub is what chaincode is given for one run of a proposal on one peer.
type stub struct {
	sim       *simulation
	args      [][]byte
	transient map[string][]byte
	batch     map[batchKey]batchWrite // nil outside of a write batch
	busy      atomic.Bool
	done      atomic.Bool
}

var _ shim.ChaincodeStubInterface = (*stub)(nil)

// request runs one request to the peer, with the errors of the real shim:
// a stub has one outstanding request, and none after Invoke has returned.
func (s *stub) request(name peer.ChaincodeMessage_Type, serve func() error) error {
	if !s.busy.CompareAndSwap(false, true) {
		s.sim.fail(errBusy.Error())
		return errBusy
	}
	defer s.busy.Store(false)
	if s.done.Load() {
		s.sim.fail(fmt.Sprintf("%s after Invoke has returned", name))
		return fmt.Errorf("%s failed: transaction ID: %s: no ledger context", name, s.sim.proposal.txID)
	}
	if err := serve(); err != nil {
		return fmt.Errorf("%s failed: transaction ID: %s: %w", name, s.sim.proposal.txID, err)
	}
	return nil
}

// GetArgs returns the function's name and its arguments.
func (s *stub) GetArgs() [][]byte { return s.args }

// GetStringArgs returns the function's name and its arguments as strings.
func (s *stub) GetStringArgs() []string {
	args := make([]string, 0, len(s.args))
	for _, arg := range s.args {
		args = append(args, string(arg))
	}
	return args
}

// GetFunctionAndParameters returns the function's name apart from its
// arguments.
func (s *stub) GetFunctionAndParameters() (string, []string) {
	args := s.GetStringArgs()
	if len(args) == 0 {
		return "", []string{}
	}
	return args[0], args[1:]
}

// GetArgsSlice returns the function's name and its arguments in one slice.
func (s *stub) GetArgsSlice() ([]byte, error) {
	var out []byte
	for _, arg := range s.args {
		out = append(out, arg...)
	}
	return out, nil
}

// GetTxID returns the transaction id.
func (s *stub) GetTxID() string { return s.sim.proposal.txID }

// GetChannelID returns the channel's name.
func (s *stub) GetChannelID() string { return s.sim.network.cfg.Channel }

// GetCreator returns the serialised identity of the client.
func (s *stub) GetCreator() ([]byte, error) { return s.sim.proposal.creator, nil }

// GetTransient returns this peer's own copy of the transient data.
func (s *stub) GetTransient() (map[string][]byte, error) { return s.transient, nil }

// GetBinding returns the hash that ties nonce and creator to the proposal.
func (s *stub) GetBinding() ([]byte, error) { return s.sim.proposal.binding, nil }

// GetDecorations returns nothing, as peers have no decorators here.
func (s *stub) GetDecorations() map[string][]byte { return nil }

// GetSignedProposal returns the proposal with its header.
func (s *stub) GetSignedProposal() (*peer.SignedProposal, error) {
	return proto.CloneOf(s.sim.proposal.signed), nil
}

// GetTxTimestamp returns the time that the client put into the proposal.
func (s *stub) GetTxTimestamp() (*timestamppb.Timestamp, error) {
	return timestamppb.New(s.sim.proposal.timestamp), nil
}

// SetEvent sets the transaction's event; the last one stands.
func (s *stub) SetEvent(name string, payload []byte) error {
	if name == "" {
		return errors.New("event name can not be empty string")
	}
	s.sim.checkText("event name", name)
	s.sim.event = &peer.ChaincodeEvent{
		ChaincodeId: s.sim.namespace, TxId: s.sim.proposal.txID, EventName: name, Payload: payload,
	}
	return nil
}

// InvokeChaincode is not supported.
func (s *stub) InvokeChaincode(chaincodeName string, _ [][]byte, _ string) *peer.Response {
	text := fmt.Sprintf("stubtest: calling chaincode %s from %s is not supported", chaincodeName, s.sim.namespace)
	return &peer.Response{Status: shim.ERROR, Message: text, Payload: []byte(text)}
}
