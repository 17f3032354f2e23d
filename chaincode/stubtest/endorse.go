// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package stubtest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// view is a peer as a simulation sees it from start to end, whatever is
// committed meanwhile.
type view struct {
	peer          *organisation
	chaincode     shim.Chaincode
	snap          *snapshot
	missing       map[privateKey]bool
	organisations map[string]*organisation
	definition    *definition
}

// outcome is the result of a simulation.
type outcome struct {
	set      *writeSet
	private  privateValues
	response *peer.Response
	event    *peer.ChaincodeEvent
	payload  []byte // ProposalResponsePayload: what endorsers sign and compare
}

// Endorse runs a proposal on the peers of p.Endorsers and returns the
// transaction that their results make. It does not look at policies: too few
// endorsements show at commit. Errors are *EndorseError for the first refusal,
// *MismatchError when results differ, *FaultError, and plain ones for a
// proposal that peers do not accept.
func (n *Network) Endorse(p Proposal) (*Transaction, error) {
	if len(p.Endorsers) == 0 {
		return nil, errors.New("a transaction needs endorsers")
	}
	prop, err := n.propose(p)
	if err != nil {
		return nil, err
	}
	views, err := n.views(p.Namespace, p.Endorsers)
	if err != nil {
		return nil, err
	}
	var first *outcome
	for i, v := range views {
		out, err := n.endorseOn(v, prop)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = out
		} else if !bytes.Equal(first.payload, out.payload) {
			return nil, &MismatchError{MSPIDs: []string{p.Endorsers[0], p.Endorsers[i]}, Detail: first.differs(out)}
		}
	}
	return n.assemble(prop, first, views)
}

// Evaluate runs a proposal on one peer, that of the first endorser or else of
// the creator's organisation, and returns the response's payload. Nothing is
// submitted, so writes come to nothing.
func (n *Network) Evaluate(p Proposal) ([]byte, error) {
	at := p.Creator.MSPID
	if len(p.Endorsers) > 0 {
		at = p.Endorsers[0]
	}
	prop, err := n.propose(p)
	if err != nil {
		return nil, err
	}
	views, err := n.views(p.Namespace, []string{at})
	if err != nil {
		return nil, err
	}
	out, err := n.endorseOn(views[0], prop)
	if err != nil {
		return nil, err
	}
	return out.response.Payload, nil
}

// CheckDeterminism runs one proposal several times on each of its endorsers'
// peers and returns a *MismatchError if any result differs from another.
func (n *Network) CheckDeterminism(p Proposal, times int) error {
	prop, err := n.propose(p)
	if err != nil {
		return err
	}
	views, err := n.views(p.Namespace, p.Endorsers)
	if err != nil {
		return err
	}
	var first *outcome
	for _, v := range views {
		for range times {
			out, err := n.simulate(v, prop)
			if err != nil {
				return err
			}
			if first == nil {
				first = out
			} else if !bytes.Equal(first.payload, out.payload) {
				return &MismatchError{MSPIDs: []string{p.Endorsers[0], v.peer.mspID}, Detail: first.differs(out)}
			}
		}
	}
	return nil
}

// views takes all peers at one moment, so that endorsers differ in height only
// when one of them was told to lag.
func (n *Network) views(namespace string, mspIDs []string) ([]view, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	def := n.definitions[namespace]
	if def == nil {
		return nil, fmt.Errorf("chaincode %s is not defined on channel %s", namespace, n.cfg.Channel)
	}
	views := make([]view, 0, len(mspIDs))
	for i, mspID := range mspIDs {
		org := n.organisations[mspID]
		if org == nil {
			return nil, fmt.Errorf("organisation %q is not of channel %s", mspID, n.cfg.Channel)
		}
		if slices.Contains(mspIDs[:i], mspID) {
			return nil, fmt.Errorf("endorser %s is named twice", mspID)
		}
		views = append(views, view{org, org.chaincode, org.snap, org.missing, n.organisations, def})
	}
	return views, nil
}

// endorseOn is what one peer does with a proposal.
func (n *Network) endorseOn(v view, prop *proposal) (*outcome, error) {
	if _, err := n.member(prop.creator); err != nil {
		return nil, fmt.Errorf("endorsement by %s: %w", v.peer.mspID, err)
	}
	if _, known := n.Status(prop.txID); known {
		return nil, fmt.Errorf("endorsement by %s: duplicate transaction found [%s]", v.peer.mspID, prop.txID)
	}
	first, err := n.simulate(v, prop)
	if err != nil {
		return nil, err
	}
	for range n.cfg.Repeat {
		again, err := n.simulate(v, prop)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(first.payload, again.payload) {
			return nil, &MismatchError{MSPIDs: []string{v.peer.mspID, v.peer.mspID}, Detail: first.differs(again)}
		}
	}
	return first, nil
}

// simulate runs a proposal once.
func (n *Network) simulate(v view, prop *proposal) (*outcome, error) {
	sim := &simulation{
		network: n, view: v, namespace: prop.namespace, proposal: prop,
		reads: map[string]version{}, writes: map[string][]byte{}, collections: map[string]*collectionAccess{},
	}
	s := &stub{sim: sim, transient: prop.copyTransient()}
	for _, arg := range prop.args {
		s.args = append(s.args, slices.Clone(arg))
	}
	response, err := sim.invoke(s)
	if err != nil {
		return nil, err
	}
	out := &outcome{response: response, event: sim.event}
	if out.set, out.private, err = sim.results(); err != nil {
		return nil, fmt.Errorf("endorsement by %s: %w", v.peer.mspID, err)
	}
	if out.payload, err = prop.responsePayload(out); err != nil {
		return nil, fmt.Errorf("endorsement by %s: %w", v.peer.mspID, err)
	}
	return out, nil
}

// invoke runs the chaincode and flushes its batch, as the shim does after each
// Invoke. A panic that leaves the chaincode is a fault.
func (s *simulation) invoke(st *stub) (response *peer.Response, err error) {
	defer func() {
		st.done.Store(true)
		if problem := recover(); problem != nil {
			s.fail(fmt.Sprintf("panic: %v\n%s", problem, debug.Stack()))
			response, err = nil, s.fault
		}
	}()
	response = s.view.chaincode.Invoke(st)
	flushErr := st.FinishWriteBatch()
	s.faultMu.Lock()
	fault := s.fault
	s.faultMu.Unlock()
	mspID := s.view.peer.mspID
	switch {
	case fault != nil:
		return nil, fault
	case response == nil:
		s.fail("Invoke returned no response")
		return nil, s.fault
	case response.Status >= shim.ERRORTHRESHOLD:
		return nil, &EndorseError{MSPID: mspID, Status: response.Status, Message: response.Message}
	case flushErr != nil:
		return nil, &EndorseError{MSPID: mspID, Status: shim.ERROR, Message: flushErr.Error()}
	}
	return response, nil
}

func (n *Network) recordFault(fault *FaultError) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = append(n.faults, fault)
}
