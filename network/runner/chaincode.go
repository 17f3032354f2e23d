// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// lifecycleName is the system chaincode that keeps chaincode definitions.
const lifecycleName = "_lifecycle"

// install gives the package to a peer unless it has it.
func install(ctx context.Context, conn *grpc.ClientConn, admin signer, pkg installable) error {
	query, err := proto.Marshal(&lifecycle.QueryInstalledChaincodeArgs{PackageId: pkg.id})
	if err != nil {
		return fmt.Errorf("asking for the chaincode package: %w", err)
	}
	if _, err := askPeer(ctx, conn, admin, lifecycleName, "QueryInstalledChaincode", query); err == nil {
		return nil
	}
	args, err := proto.Marshal(&lifecycle.InstallChaincodeArgs{ChaincodeInstallPackage: pkg.data})
	if err != nil {
		return fmt.Errorf("installing the chaincode package: %w", err)
	}
	_, err = askPeer(ctx, conn, admin, lifecycleName, "InstallChaincode", args)
	return err
}

// definition is one issuer's namespace as it is to be.
type definition struct {
	name, version string
	policy        []byte
	packageID     string
	sequence      int64
}

// define makes one definition per issuer, or raises one that is not as it is
// to be: approved by every organisation, then committed, and known to every
// peer. What the definitions were before is not used any more then.
func (n *Network) define(ctx context.Context) error {
	pkg, err := n.chaincodePackage()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := n.enrol(ctx); err != nil {
		return err
	}
	admins, err := n.connectAll("admin")
	if err != nil {
		return err
	}
	defer closeAll(admins)
	g, gctx := errgroup.WithContext(ctx)
	for _, o := range n.with(Issuer) {
		policy, err := namespacePolicy(o, n.consortium.Organisations)
		if err != nil {
			return err
		}
		d := definition{name: o.Namespace(), version: pkg.version, policy: policy, packageID: pkg.id}
		g.Go(func() error { return n.defineOne(gctx, d, admins) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return n.retire(ctx)
}

func (n *Network) defineOne(ctx context.Context, d definition, admins []*Connection) error {
	contracts, members := map[string]*client.Contract{}, []string{}
	for _, a := range admins {
		contracts[a.MSPID] = a.GetNetwork(n.consortium.Channel).GetContract(lifecycleName)
		members = append(members, a.MSPID)
	}
	first := contracts[members[0]]
	stands, err := d.follow(ctx, first)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	if !stands {
		for mspID, contract := range contracts {
			g.Go(func() error { return d.approve(gctx, contract, mspID) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if err := d.commit(ctx, first, members); err != nil {
			return err
		}
	}
	g, gctx = errgroup.WithContext(ctx)
	for mspID, contract := range contracts {
		g.Go(func() error { return d.arrive(gctx, contract, mspID) })
	}
	return g.Wait()
}

// follow reports whether the definition stands; else it gives it the sequence
// after that of the one that does.
func (d *definition) follow(ctx context.Context, contract *client.Contract) (stands bool, err error) {
	err = until(ctx, func(ctx context.Context) error {
		now, err := d.committed(ctx, contract)
		if err == nil {
			d.sequence = now.GetSequence()
			if stands = d.equals(now.GetVersion(), now.GetValidationParameter()); !stands {
				d.sequence++
			}
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("asking for %s: %w", d.name, explain(err))
	}
	return stands, nil
}

func (d *definition) equals(version string, policy []byte) bool {
	return d.version == version && bytes.Equal(d.policy, policy)
}

// approve repeats until the peer knows the approval: an error of the orderers
// does not mean that the transaction is lost, and a repeated approval with the
// same content is refused.
func (d *definition) approve(ctx context.Context, contract *client.Contract, mspID string) error {
	args, err := proto.Marshal(&lifecycle.ApproveChaincodeDefinitionForMyOrgArgs{
		Name: d.name, Version: d.version, Sequence: d.sequence,
		EndorsementPlugin: "escc", ValidationPlugin: "vscc", ValidationParameter: d.policy,
		Source: &lifecycle.ChaincodeSource{Type: &lifecycle.ChaincodeSource_LocalPackage{
			LocalPackage: &lifecycle.ChaincodeSource_Local{PackageId: d.packageID},
		}},
	})
	if err != nil {
		return fmt.Errorf("approving %s: %w", d.name, err)
	}
	own := client.WithEndorsingOrganizations(mspID)
	err = until(ctx, func(ctx context.Context) error {
		if d.isApproved(ctx, contract, own) {
			return nil
		}
		_, err := contract.SubmitWithContext(ctx, "ApproveChaincodeDefinitionForMyOrg", client.WithBytesArguments(args), own)
		return err
	})
	if err != nil {
		return fmt.Errorf("approving %s for %s: %w", d.name, mspID, explain(err))
	}
	return nil
}

// isApproved asks the own peer for an approval of just this.
func (d *definition) isApproved(ctx context.Context, contract *client.Contract, own client.ProposalOption) bool {
	query, err := proto.Marshal(&lifecycle.QueryApprovedChaincodeDefinitionArgs{Name: d.name, Sequence: d.sequence})
	if err != nil {
		return false
	}
	answer, err := contract.EvaluateWithContext(ctx, "QueryApprovedChaincodeDefinition", client.WithBytesArguments(query), own)
	var approved lifecycle.QueryApprovedChaincodeDefinitionResult
	if err != nil || proto.Unmarshal(answer, &approved) != nil {
		return false
	}
	return d.equals(approved.GetVersion(), approved.GetValidationParameter()) &&
		approved.GetSource().GetLocalPackage().GetPackageId() == d.packageID
}

// commit repeats until the definition stands: the peers need a moment to find
// each other.
func (d *definition) commit(ctx context.Context, contract *client.Contract, members []string) error {
	args, err := proto.Marshal(&lifecycle.CommitChaincodeDefinitionArgs{
		Name: d.name, Version: d.version, Sequence: d.sequence,
		EndorsementPlugin: "escc", ValidationPlugin: "vscc", ValidationParameter: d.policy,
	})
	if err != nil {
		return fmt.Errorf("committing %s: %w", d.name, err)
	}
	err = until(ctx, func(ctx context.Context) error {
		_, err := contract.SubmitWithContext(ctx, "CommitChaincodeDefinition",
			client.WithBytesArguments(args), client.WithEndorsingOrganizations(members...))
		if err != nil {
			if now, asked := d.committed(ctx, contract); asked == nil && now.GetSequence() >= d.sequence {
				return nil
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("committing %s: %w", d.name, explain(err))
	}
	return nil
}

// arrive waits until the organisation's own peer has the definition.
func (d *definition) arrive(ctx context.Context, contract *client.Contract, mspID string) error {
	err := until(ctx, func(ctx context.Context) error {
		now, err := d.committed(ctx, contract, client.WithEndorsingOrganizations(mspID))
		if err == nil && now.GetSequence() < d.sequence {
			err = fmt.Errorf("sequence %d is not %d yet", now.GetSequence(), d.sequence)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("waiting for %s at the peer of %s: %w", d.name, mspID, explain(err))
	}
	return nil
}

// committed returns the definition that stands; its sequence is 0 when there
// is none.
func (d *definition) committed(ctx context.Context, contract *client.Contract, at ...client.ProposalOption) (*lifecycle.QueryChaincodeDefinitionResult, error) {
	now := new(lifecycle.QueryChaincodeDefinitionResult)
	args, err := proto.Marshal(&lifecycle.QueryChaincodeDefinitionArgs{Name: d.name})
	if err != nil {
		return now, fmt.Errorf("asking for %s: %w", d.name, err)
	}
	answer, err := contract.EvaluateWithContext(ctx, "QueryChaincodeDefinition", append(at, client.WithBytesArguments(args))...)
	if err != nil {
		if strings.Contains(explain(err).Error(), "namespace "+d.name+" is not defined") {
			return now, nil
		}
		return now, err
	}
	if err := proto.Unmarshal(answer, now); err != nil {
		return now, fmt.Errorf("reading the definition of %s: %w", d.name, err)
	}
	return now, nil
}

// namespacePolicy asks for a peer of the issuer and a peer of any other
// organisation. Peers only: a client's signature never counts.
func namespacePolicy(issuer Organisation, all []Organisation) ([]byte, error) {
	var principals []*msp.MSPPrincipal
	add := func(mspID string) (*common.SignaturePolicy, error) {
		role, err := proto.Marshal(&msp.MSPRole{MspIdentifier: mspID, Role: msp.MSPRole_PEER})
		principals = append(principals, &msp.MSPPrincipal{PrincipalClassification: msp.MSPPrincipal_ROLE, Principal: role})
		return &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(len(principals) - 1)}}, err
	}
	own, err := add(issuer.MSPID)
	if err != nil {
		return nil, fmt.Errorf("writing the policy of %s: %w", issuer.Namespace(), err)
	}
	var others []*common.SignaturePolicy
	for _, o := range all {
		if o.MSPID == issuer.MSPID {
			continue
		}
		other, err := add(o.MSPID)
		if err != nil {
			return nil, fmt.Errorf("writing the policy of %s: %w", issuer.Namespace(), err)
		}
		others = append(others, other)
	}
	return proto.Marshal(&peer.ApplicationPolicy{Type: &peer.ApplicationPolicy_SignaturePolicy{
		SignaturePolicy: &common.SignaturePolicyEnvelope{Rule: atLeast(2, own, atLeast(1, others...)), Identities: principals},
	}})
}

func atLeast(n int32, rules ...*common.SignaturePolicy) *common.SignaturePolicy {
	return &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{
		NOutOf: &common.SignaturePolicy_NOutOf{N: n, Rules: rules},
	}}
}

// explain adds what each peer or orderer said; the gateway's own text refers
// to details without showing them.
func explain(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	var said []string
	for _, detail := range s.Details() {
		if d, ok := detail.(*gateway.ErrorDetail); ok {
			said = append(said, fmt.Sprintf("%s at %s: %s", d.GetMspId(), d.GetAddress(), d.GetMessage()))
		}
	}
	if len(said) == 0 {
		return err
	}
	return errors.Join(err, errors.New(strings.Join(said, "; ")))
}

// connectAll opens a gateway to each organisation's peer as the same kind of holder.
func (n *Network) connectAll(as string) ([]*Connection, error) {
	var all []*Connection
	for _, o := range n.consortium.Organisations {
		c, err := n.Connect(o.Name, as)
		if err != nil {
			closeAll(all)
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func closeAll(connections []*Connection) {
	for _, c := range connections {
		_ = c.Close()
	}
}
