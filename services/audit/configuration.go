// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// configuration reads the entry of a configuration block.
func configuration(p *common.Payload) (*channel, *common.ConfigEnvelope, error) {
	var header common.ChannelHeader
	envelope := &common.ConfigEnvelope{}
	if err := errors.Join(
		proto.Unmarshal(p.GetHeader().GetChannelHeader(), &header), proto.Unmarshal(p.GetData(), envelope),
	); err != nil {
		return nil, nil, fmt.Errorf("reading a configuration: %w", err)
	}
	if envelope.GetConfig().GetChannelGroup() == nil {
		return nil, nil, errors.New("a configuration without content")
	}
	c, err := newChannel(header.GetChannelId(), envelope.GetConfig())
	return c, envelope, err
}

// configure takes over a changed configuration. The orderers let it in only with the
// signatures that the configuration before demands, and have signed the block;
// who signed the change and what it changes is listed.
func (a *auditor) configure(t *transaction) error {
	next, envelope, err := configuration(t.payload)
	if err != nil {
		return err
	}
	if t.block == 0 {
		a.findWeak(t, next.weaknesses(), nil)
		return nil
	}
	signers, err := a.channel.changeSigners(envelope.GetLastUpdate())
	if err != nil {
		return err
	}
	if next.sequence != a.channel.sequence+1 {
		a.blame(t, Breach, "configuration-sequence", "configuration %d comes after %d", next.sequence, a.channel.sequence)
	}
	changed := a.channel.changes(next)
	a.find(Finding{
		Level: Notice, Rule: "configuration-changed", Block: t.block, Transaction: t.id, Organisations: signers,
		Text: fmt.Sprintf("configuration %d changes %s", next.sequence, strings.Join(changed, ", ")),
	})
	if missing := a.channel.missingSigners(changed, signers); len(missing) > 0 {
		a.find(Finding{
			Rule: "configuration-signatures", Block: t.block, Transaction: t.id, Organisations: signers,
			Text: "the change lacks the signature of an administrator of " + strings.Join(missing, ", "),
		})
	}
	known := a.channel.weaknesses()
	weak := slices.DeleteFunc(next.weaknesses(), func(text string) bool { return slices.Contains(known, text) })
	a.findWeak(t, append(weak, a.channel.renamed(next)...), signers)
	a.channel, a.configBlock = next, t.block
	return nil
}

// findWeak reports what of a configuration is weaker than the rules.
func (a *auditor) findWeak(t *transaction, weak, signers []string) {
	for _, text := range weak {
		a.find(Finding{Rule: "weak-configuration", Block: t.block, Transaction: t.id, Organisations: signers, Text: text})
	}
}

// changeSigners lists the organisations whose administrators signed a change.
func (c *channel) changeSigners(update *common.Envelope) ([]string, error) {
	var payload common.Payload
	var signed common.ConfigUpdateEnvelope
	if err := errors.Join(proto.Unmarshal(update.GetPayload(), &payload), proto.Unmarshal(payload.GetData(), &signed)); err != nil {
		return nil, fmt.Errorf("reading a change of the configuration: %w", err)
	}
	var out []string
	for _, s := range signed.GetSignatures() {
		var header common.SignatureHeader
		if err := proto.Unmarshal(s.GetSignatureHeader(), &header); err != nil {
			continue
		}
		m, err := c.identify(header.GetCreator())
		if err != nil || m.unit != unitAdmin || slices.Contains(out, m.mspID) {
			continue
		}
		if verify(m.cert, slices.Concat(s.GetSignatureHeader(), signed.GetConfigUpdate()), s.GetSignature()) == nil {
			out = append(out, m.mspID)
		}
	}
	slices.Sort(out)
	return out, nil
}

// missingSigners lists who should have signed: an organisation changes its own
// entry alone; of the application's or the orderers' part any other change
// needs an administrator of each of its organisations, of the rest all.
func (c *channel) missingSigners(changed, signers []string) []string {
	missing := map[string]bool{}
	need := func(part string) {
		for mspID, group := range c.groupsOf(part) {
			if group != "" && !slices.Contains(signers, mspID) {
				missing[mspID] = true
			}
		}
	}
	for _, path := range changed {
		parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
		owner, owned := "", false
		if len(parts) > 2 {
			owner, owned = c.owner(parts[0], parts[1])
		}
		switch {
		case owned && !slices.Contains(signers, owner):
			missing[owner] = true
		case owned:
		case parts[0] == applicationGroup || parts[0] == ordererGroup:
			need(parts[0])
		default:
			need(applicationGroup)
			need(ordererGroup)
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// groupsOf has the name of each organisation's entry in a part of the
// configuration; nil for one that has no entries of organisations.
func (c *channel) groupsOf(part string) map[string]string {
	return map[string]map[string]string{applicationGroup: c.groups, ordererGroup: c.orderers}[part]
}

// owner returns whose entry a group is.
func (c *channel) owner(part, group string) (string, bool) {
	for mspID, name := range c.groupsOf(part) {
		if name == group {
			return mspID, true
		}
	}
	return "", false
}
