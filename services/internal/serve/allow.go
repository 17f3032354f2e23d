// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"ecoupon/chaincode/coupon"
	"ecoupon/services/internal/config"
)

// Wildcards and the own organisation in a rule.
const (
	anyRole         = "*"
	anyOrganisation = "any"
	ownOrganisation = "own"
	ownAPIPrefix    = "coupon."
)

// rule is one entry of the configuration: role@organisation.
type rule struct{ role, organisation string }

func parseRule(text string) (rule, error) {
	role, organisation, found := strings.Cut(text, "@")
	if !found {
		return rule{}, fmt.Errorf("%q is not role@organisation", text)
	}
	if !slices.Contains([]string{anyRole, RoleTill, RoleService, RoleOperator, RoleAuditor}, role) {
		return rule{}, fmt.Errorf("%q is no role of callers", role)
	}
	if !slices.Contains([]string{
		anyOrganisation, ownOrganisation,
		config.RoleIssuer, config.RoleAdvertiser, config.RoleRetailer, config.RoleClearing,
	}, organisation) {
		return rule{}, fmt.Errorf("%q is no role of organisations", organisation)
	}
	return rule{role, organisation}, nil
}

// allowList is the configuration's list with full method names and MSP ids.
type allowList map[string][]permission

type permission struct {
	role          string
	organisations []string
}

// newAllowList resolves the configured list against the registered methods. An entry for a method that does not
// exist is an error: whoever wrote it meant another.
func newAllowList(configured map[string][]string, services map[string]grpc.ServiceInfo, directory *config.Directory, own string) (allowList, error) {
	full := make(map[string]string)
	for service, info := range services {
		for _, method := range info.Methods {
			full[service+"/"+method.Name] = "/" + service + "/" + method.Name
			if strings.HasPrefix(service, ownAPIPrefix) {
				full[method.Name] = "/" + service + "/" + method.Name
			}
		}
	}
	list := make(allowList)
	for name, texts := range configured {
		method, found := full[name]
		if !found {
			return nil, fmt.Errorf("serve.allow: there is no method %q", name)
		}
		for _, text := range texts {
			parsed, err := parseRule(text)
			if err != nil {
				return nil, fmt.Errorf("serve.allow.%s: %w", name, err)
			}
			list[method] = append(list[method], permission{parsed.role, parsed.members(directory, own)})
		}
	}
	return list, nil
}

func (r rule) members(directory *config.Directory, own string) []string {
	var members []string
	switch r.organisation {
	case ownOrganisation:
		return []string{own}
	case anyOrganisation:
		for _, organisation := range directory.Organisations {
			members = append(members, organisation.MSPID)
		}
	default:
		for _, organisation := range directory.WithRole(r.organisation) {
			members = append(members, organisation.MSPID)
		}
	}
	return members
}

// check returns nil if the caller may call the method, and else a refusal that says whether it is the organisation
// or the role that is wrong.
func (l allowList) check(method string, caller Caller) error {
	refusal := coupon.Refuse(coupon.ReasonWrongOrganisation, "", "your organisation may not call %s", method)
	for _, permission := range l[method] {
		if !slices.Contains(permission.organisations, caller.Organisation) {
			continue
		}
		if permission.role == anyRole || permission.role == caller.Role {
			return nil
		}
		refusal = coupon.Refuse(coupon.ReasonWrongRole, "", "your role may not call %s", method)
	}
	return refusal
}
