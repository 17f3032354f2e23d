// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package desk

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"

	"ecoupon/chaincode/coupon"
)

// Call is a transaction or evaluation that is made past the services, as a
// member can who writes programs of its own.
type Call struct {
	Function  string
	Arguments []string
	// Input is the private request, nil for none.
	Input any
	// Endorsers are MSP ids.
	Endorsers []string
}

// Options returns what a proposal takes.
func (c Call) Options() ([]client.ProposalOption, error) {
	options := []client.ProposalOption{client.WithArguments(c.Arguments...), client.WithEndorsingOrganizations(c.Endorsers...)}
	if c.Input == nil {
		return options, nil
	}
	input, err := json.Marshal(c.Input)
	if err != nil {
		return nil, err
	}
	return append(options, client.WithTransient(map[string][]byte{coupon.TransientKey: input})), nil
}

// Said is what a peer answered to a proposal that it did not endorse.
type Said struct{ MSPID, Text string }

// SaidBy returns what each endorser said to a refused proposal.
func SaidBy(err error) []Said {
	var said []Said
	var failed interface{ Details() []*gateway.ErrorDetail }
	if errors.As(err, &failed) {
		for _, d := range failed.Details() {
			said = append(said, Said{d.GetMspId(), d.GetMessage()})
		}
	}
	return said
}

// Details returns an error's text with what the endorsers said.
func Details(err error) string {
	var texts []string
	for _, s := range SaidBy(err) {
		texts = append(texts, s.Text)
	}
	return err.Error() + ": " + strings.Join(texts, "; ")
}
