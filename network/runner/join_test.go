// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

// TestJoinThatWasInterruptedIsCompleted has a newcomer noted and no more: Up
// makes a member of it, which the next version of the rules finds too.
func TestJoinThatWasInterruptedIsCompleted(t *testing.T) {
	t.Parallel()
	n := startNetwork(t)
	newcomer := Organisation{Name: "kiosk", MSPID: "KioskMSP", Roles: []string{Retailer}}
	if _, err := n.adopt(t.Context(), newcomer); err != nil {
		t.Fatal(err)
	}
	again, err := Open(n.StateDir(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	up(t, again)
	for _, o := range again.Consortium().Organisations {
		members, err := again.members(t.Context(), o)
		if err != nil || members.GetGroups()["KioskMSP"] == nil || len(members.GetGroups()) != 5 {
			t.Errorf("the peer of %s knows %d members (%v)", o.Name, len(members.GetGroups()), err)
		}
	}
	if err := again.Upgrade(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

func TestWhoCannotJoin(t *testing.T) {
	t.Parallel()
	c := Default()
	c.StateDir = t.TempDir()
	n, err := New(c, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	for name, test := range map[string]struct {
		o    Organisation
		says string
	}{
		"with an orderer":     {Organisation{Name: "kiosk", MSPID: "KioskMSP", Roles: []string{Retailer}, Orderer: &yes}, "brings none"},
		"name of another":     {Organisation{Name: "retailer", MSPID: "KioskMSP", Roles: []string{Retailer}}, "another organisation"},
		"MSP id of another":   {Organisation{Name: "kiosk", MSPID: "RetailerMSP", Roles: []string{Retailer}}, "also the MSP id"},
		"no role":             {Organisation{Name: "kiosk", MSPID: "KioskMSP"}, "roles: is empty"},
		"network that is off": {Organisation{Name: "kiosk", MSPID: "KioskMSP", Roles: []string{Retailer}}, "must be up"},
	} {
		if _, err := n.adopt(t.Context(), test.o); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestAdditionNamesAllThatIsThere(t *testing.T) {
	t.Parallel()
	there := &common.ConfigGroup{
		Version: 4, ModPolicy: "Admins",
		Groups:   map[string]*common.ConfigGroup{"AMSP": {Version: 2, ModPolicy: "Admins"}},
		Values:   map[string]*common.ConfigValue{"Capabilities": {Version: 1, Value: []byte("x")}},
		Policies: map[string]*common.ConfigPolicy{"Admins": {Version: 3, ModPolicy: "Admins"}},
	}
	group := func(version uint64) *common.ConfigGroup {
		return &common.ConfigGroup{
			Version: version, Groups: map[string]*common.ConfigGroup{"AMSP": {Version: 2}},
			Values: map[string]*common.ConfigValue{"Capabilities": {Version: 1}}, Policies: map[string]*common.ConfigPolicy{"Admins": {Version: 3}},
		}
	}
	newcomer := &common.ConfigGroup{ModPolicy: "Admins"}
	read, write := group(4), group(5)
	write.ModPolicy, write.Groups["BMSP"] = "Admins", newcomer
	within := func(g *common.ConfigGroup) *common.ConfigGroup {
		return &common.ConfigGroup{Groups: map[string]*common.ConfigGroup{"Application": g}}
	}
	want := &common.ConfigUpdate{ChannelId: "coupons", ReadSet: within(read), WriteSet: within(write)}

	data, err := addition("coupons", there, map[string]*common.ConfigGroup{"BMSP": newcomer})
	var got common.ConfigUpdate
	if err == nil {
		err = proto.Unmarshal(data, &got)
	}
	if diff := cmp.Diff(want, &got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}
