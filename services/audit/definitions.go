// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/protobuf/proto"
)

const (
	namespacePrefix = "coupon-"
	fieldsPrefix    = "namespaces/fields/"
	defaultPlugin   = "vscc"
)

// definition is a chaincode definition of the channel.
type definition struct {
	sequence int64
	version  string
	plugin   string
	policy   []byte
	explicit bool // it has collections that are not implicit
	known    bool
}

// outdate notes that a field of a definition was written.
func (a *auditor) outdate(key string) {
	if rest, ok := strings.CutPrefix(key, fieldsPrefix); ok {
		name, _, _ := strings.Cut(rest, "/")
		a.outdated[name] = true
	}
}

// renewDefinitions makes the definitions that a block has changed those of
// the blocks after it.
func (a *auditor) renewDefinitions() {
	for _, name := range slices.Sorted(maps.Keys(a.outdated)) {
		if d := a.readDefinition(name); d.known {
			a.definitions[name] = d
		} else {
			delete(a.definitions, name)
		}
	}
}

func (a *auditor) readDefinition(name string) definition {
	return decodeDefinition(func(field string) []byte {
		return a.state.value(address{namespace: lifecycleName, key: fieldsPrefix + name + "/" + field})
	})
}

// decodeDefinition reads the fields that are kept of a definition.
func decodeDefinition(field func(name string) []byte) definition {
	read := func(name string) *lifecycle.StateData {
		var data lifecycle.StateData
		if proto.Unmarshal(field(name), &data) != nil {
			return &lifecycle.StateData{}
		}
		return &data
	}
	var (
		d           = definition{sequence: read("Sequence").GetInt64(), known: field("Sequence") != nil}
		validation  lifecycle.ChaincodeValidationInfo
		endorsement lifecycle.ChaincodeEndorsementInfo
		collections peer.CollectionConfigPackage
	)
	if proto.Unmarshal(read("ValidationInfo").GetBytes(), &validation) == nil {
		d.plugin, d.policy = validation.GetValidationPlugin(), validation.GetValidationParameter()
	}
	if proto.Unmarshal(read("EndorsementInfo").GetBytes(), &endorsement) == nil {
		d.version = endorsement.GetVersion()
	}
	if proto.Unmarshal(read("Collections").GetBytes(), &collections) == nil {
		d.explicit = len(collections.GetConfig()) > 0
	}
	return d
}

// checkDefinitions lists the definitions that a transaction commits and reports
// those that are weaker than the rule: for an issuer's namespace a peer of the
// issuer and one of another organisation.
func (a *auditor) checkDefinitions(t *transaction, set namespaceSet) {
	written := map[string]map[string][]byte{}
	for _, w := range set.public.GetWrites() {
		rest, ok := strings.CutPrefix(w.GetKey(), fieldsPrefix)
		if !ok {
			continue
		}
		name, field, _ := strings.Cut(rest, "/")
		if written[name] == nil {
			written[name] = map[string][]byte{}
		}
		written[name][field] = w.GetValue()
		if w.GetIsDelete() {
			a.blame(t, Breach, "definition", "a field of the definition of %s is deleted", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(written)) {
		d := decodeDefinition(func(field string) []byte {
			if value, ok := written[name][field]; ok {
				return value
			}
			return a.state.value(address{namespace: lifecycleName, key: fieldsPrefix + name + "/" + field})
		})
		a.checkDefinition(t, name, d)
	}
}

func (a *auditor) checkDefinition(t *transaction, name string, d definition) {
	a.blame(t, Notice, "definition-committed", "definition %d of %s, version %s", d.sequence, name, d.version)
	if before, ok := a.definitions[name]; ok && d.sequence != before.sequence+1 {
		a.blame(t, Breach, "definition", "definition %d of %s comes after %d", d.sequence, name, before.sequence)
	}
	issuer, ok := strings.CutPrefix(name, namespacePrefix)
	if !ok {
		return
	}
	if a.channel.groups[issuer] == "" {
		a.blame(t, Breach, "definition", "%s is the namespace of no member", name)
	}
	if d.plugin != defaultPlugin {
		a.blame(t, Breach, "weak-definition", "%s is validated by the plugin %q", name, d.plugin)
	}
	if d.explicit {
		a.blame(t, Breach, "definition", "%s has collections of its own, which the rules do not know", name)
	}
	weakness, err := a.channel.weakness(d.policy, issuer)
	if err != nil {
		weakness = err.Error()
	}
	if weakness != "" {
		a.blame(t, Breach, "weak-definition", "the policy of %s is weaker than a peer of the issuer and one of another organisation: %s", name, weakness)
	}
}
