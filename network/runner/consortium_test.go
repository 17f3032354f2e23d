// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestDefaultConsortiumHasFourOrganisations(t *testing.T) {
	t.Parallel()
	c := Default()
	if len(c.Organisations) != 4 {
		t.Fatalf("%d organisations", len(c.Organisations))
	}
	for i, role := range roles {
		if o := c.Organisations[i]; !o.HasRole(role) || !o.HasOrderer() {
			t.Errorf("organisation %d is %+v, want the role %s and an orderer", i, o, role)
		}
	}
}

func TestConsortiumFileIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ from, to, want string }{
		"unknown field":       {`"channel"`, `"chanel"`, "chanel"},
		"field twice":         {`"channel": "coupons",`, `"channel": "coupons", "channel": "others",`, "channel"},
		"field in other case": {`"channel"`, `"Channel"`, "Channel"},
		"trailing data":       {`"channel": "coupons",`, `"channel": "coupons"} {`, "not one JSON value"},
		"bad channel":         {`"coupons"`, `"Coupons"`, "channel:"},
		"no state directory":  {`".ecoupon"`, `""`, "state_dir:"},
		"low ports":           {`17000`, `1000`, "port_base:"},
		"high ports":          {`17000`, `65500`, "port_base:"},
		"bad listening host":  {`"listen_host": "127.0.0.1"`, `"listen_host": "a b"`, "listen_host:"},
		"no advertised host":  {`"advertise_host": "127.0.0.1"`, `"advertise_host": ""`, "advertise_host:"},
		"not a duration":      {`"10ms"`, `"20"`, "block_interval:"},
		"interval too long":   {`"10ms"`, `"20h"`, "block_interval:"},
		"bad log level":       {`"warn"`, `"loud"`, "log_level:"},
		"bad name":            {`"name": "retailer"`, `"name": "Retailer"`, "organisations[2].name:"},
		"name twice":          {`"name": "retailer"`, `"name": "issuer"`, "organisations[2].name:"},
		"bad MSP id":          {`"RetailerMSP"`, `"Retailer.MSP"`, "organisations[2].msp_id:"},
		"MSP id twice":        {`"RetailerMSP"`, `"IssuerMSP"`, "organisations[2].msp_id:"},
		"no role":             {`"roles": ["clearing"]`, `"roles": []`, "organisations[3].roles:"},
		"unknown role":        {`"roles": ["clearing"]`, `"roles": ["shop"]`, "organisations[3].roles:"},
		"role twice":          {`"roles": ["clearing"]`, `"roles": ["clearing", "clearing"]`, "organisations[3].roles:"},
		"no clearing house":   {`"roles": ["clearing"]`, `"roles": ["retailer"]`, "none has the role clearing"},
		"three orderers":      {`"orderer": true`, `"orderer": false`, "3 have an orderer"},
		"less than one peer":  {`"roles": ["issuer", "retailer"]`, `"roles": ["issuer", "retailer"], "peers": -1`, "organisations[0].peers:"},
		"too many peers":      {`"roles": ["issuer", "retailer"]`, `"roles": ["issuer", "retailer"], "peers": 4`, "organisations[0].peers:"},
		"advertised as what":  {`"roles": ["issuer", "retailer"]`, `"roles": ["issuer", "retailer"], "advertise": {"shop": "a:1"}`, "organisations[0].advertise:"},
		"bad institute":       {`"girohaus"`, `"Giro Haus"`, "institutes[0].name:"},
		"institute twice":     {`"invoice_name": "Girohaus"}`, `"invoice_name": "A"}, {"name": "girohaus", "invoice_name": "B"}`, "institutes[1].name:"},
		"bad invoice name":    {`"invoice_name": "Girohaus"`, `"invoice_name": ""`, "institutes[0].invoice_name:"},
		"invoice name twice":  {`"invoice_name": "Girohaus"}`, `"invoice_name": "A"}, {"name": "b", "invoice_name": "A"}`, "institutes[1].invoice_name:"},
		"too large a sample":  {`"sample_per_mille": 250`, `"sample_per_mille": 1001`, "sample_per_mille:"},
		"negative sample":     {`"sample_per_mille": 250`, `"sample_per_mille": -1`, "sample_per_mille:"},
		"nobody to ask":       {`[{"name": "girohaus", "invoice_name": "Girohaus"}]`, `[]`, "sample_per_mille:"},
		"advertised where":    {`"roles": ["issuer", "retailer"]`, `"roles": ["issuer", "retailer"], "advertise": {"peer": "a"}`, "organisations[0].advertise:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := defaultText(t)
			if !strings.Contains(text, change.from) {
				t.Fatalf("the default has no %s", change.from)
			}
			file := filepath.Join(t.TempDir(), "consortium.json")
			if err := os.WriteFile(file, []byte(strings.Replace(text, change.from, change.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(file); err == nil || !strings.Contains(err.Error(), change.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("error %v, want %s and %q in it", err, file, change.want)
			}
		})
	}
}

func TestConsortiumNeedsAnIssuer(t *testing.T) {
	t.Parallel()
	c := Default()
	for i := range c.Organisations {
		c.Organisations[i].Roles = []string{Retailer}
	}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "none has the role issuer") {
		t.Errorf("error %v, want that none has the role issuer", err)
	}
}

func TestConsortiumFileMayNameProxiesAndHosts(t *testing.T) {
	t.Parallel()
	text := strings.Replace(defaultText(t), `"roles": ["issuer", "retailer"]`,
		`"roles": ["issuer", "retailer"], "listen_host": "0.0.0.0", "advertise_host": "issuer.test", "advertise": {"peer": "proxy.test:99"}`, 1)
	c, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Organisations[0]
	if got, want := c.address(o, kindPeer), (Address{Listen: "0.0.0.0:17000", Advertise: "proxy.test:99"}); got != want {
		t.Errorf("peer at %v, want %v", got, want)
	}
	if got, want := c.address(o, Issuer), (Address{Listen: "0.0.0.0:17010", Advertise: "issuer.test:17010"}); got != want {
		t.Errorf("service at %v, want %v", got, want)
	}
}

func TestNoTwoProcessesShareAPort(t *testing.T) {
	t.Parallel()
	c := Default()
	seen := map[string]string{}
	note := func(address, what string) {
		if other := seen[address]; other != "" {
			t.Errorf("%s is that of %s and of %s", address, what, other)
		}
		seen[address] = what
	}
	for i := range maxInstitutes {
		c.Institutes = append(c.Institutes[:i], Institute{Name: "bank-" + strconv.Itoa(i)})
		note(c.instituteAddress(c.Institutes[i]).Listen, c.Institutes[i].Name)
		note(c.instituteDebug(c.Institutes[i]), "debugging of "+c.Institutes[i].Name)
	}
	for i, o := range c.Organisations {
		o.Roles, o.Peers = roles, maxPeers
		c.Organisations[i] = o
		for _, kind := range o.kinds() {
			note(c.address(o, kind).Listen, kind+"."+o.Name)
		}
		for _, role := range roles {
			note(c.debugAddress(o, role), "debugging of "+role+"."+o.Name)
		}
		for _, kind := range o.peers() {
			note(c.operationsAddress(o, kind), "operations of "+kind+"."+o.Name)
		}
		for _, offset := range []int{portOrdererAdmin, portOrdererOperations, portChaincodeNext} {
			note(c.local(o, offset), o.Name)
		}
		note(c.publicAddress(o).Listen, "public side of "+o.Name)
	}
	for address := range seen {
		if _, port, err := splitAddress(address); err != nil || port < c.PortBase || port >= c.PortBase+c.ports() {
			t.Errorf("%s is outside of the consortium's range: %v", address, err)
		}
	}
}

// TestAMemberThatJoinsMovesNobody: an institute's ports come after those of the
// organisations of the beginning.
func TestAMemberThatJoinsMovesNobody(t *testing.T) {
	t.Parallel()
	c := Default()
	before := c.instituteAddress(c.Institutes[0])
	c.Organisations = append(c.Organisations, Organisation{Name: "kiosk", PortBase: 30000})
	if after := c.instituteAddress(c.Institutes[0]); after != before || before.Listen != "127.0.0.1:17080" {
		t.Errorf("the institute is at %v, then at %v", before, after)
	}
}

func TestContainersHaveOnePeerEach(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Organisations[1].Peers = 2
	if err := c.Check(); err != nil {
		t.Errorf("two peers outside of containers: %v", err)
	}
	c.Containers = true
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "organisations[1].peers:") {
		t.Errorf("two peers in containers: %v", err)
	}
}

func defaultText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "consortium.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
