// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ecoupon/services/internal/config"
	"ecoupon/services/internal/servetest"
)

type settings struct {
	Listen  string          `json:"listen"`
	Timeout config.Duration `json:"timeout"`
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	t.Parallel()
	var got settings
	if err := config.Load(write(t, `{"listen": "here", "timeout": "1m30s"}`+"\n"), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settings{Listen: "here", Timeout: config.Duration(90 * time.Second)}, got); diff != "" {
		t.Error(diff)
	}
	if got.Timeout.Or(time.Hour) != 90*time.Second || config.Duration(0).Or(time.Hour) != time.Hour {
		t.Error("Or")
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"an unknown name", `{"listne": "here"}`, "listne"},
		{"trailing data", `{"listen": "here"} {}`, "trailing"},
		{"no JSON", `listen: here`, "invalid character"},
		{"nothing", ``, "EOF"},
		{"a number for a duration", `{"timeout": 30}`, "timeout"},
		{"a duration without unit", `{"timeout": "30"}`, "unit"},
		{"a negative duration", `{"timeout": "-1s"}`, "negative"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, test.text)
			err := config.Load(path, new(settings))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := config.Load(filepath.Join(t.TempDir(), "none.json"), new(settings)); err == nil {
		t.Error("a file that does not exist was loaded")
	}
}

// directory returns a good one, as JSON.
func directory(t *testing.T, change func(*config.Directory)) string {
	t.Helper()
	made := servetest.New(t, servetest.Default()...).Directory
	for i := range made.Organisations {
		organisation := &made.Organisations[i]
		organisation.Services[organisation.Roles[0]] = config.Service{Address: "127.0.0.1:1", ServerName: "x.example"}
	}
	change(made)
	text, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, string(text))
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	loaded, err := config.LoadDirectory(directory(t, func(d *config.Directory) {
		d.Organisations[2].Roles = []string{config.RoleRetailer, config.RoleIssuer}
	}))
	if err != nil {
		t.Fatal(err)
	}
	found, ok := loaded.ByMSP(servetest.RetailerMSP)
	if !ok || found.Name != "retailer" || !found.Has(config.RoleIssuer) || found.Has(config.RoleClearing) {
		t.Errorf("got %+v", found)
	}
	if _, ok := loaded.ByMSP("retailer"); ok {
		t.Error("found by name")
	}
	want := []string{"coupon-IssuerMSP", "coupon-RetailerMSP"}
	if diff := cmp.Diff(want, loaded.Namespaces()); diff != "" {
		t.Error(diff)
	}
}

func TestDirectoryRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*config.Directory)
		want   string
	}{
		{"no channel", func(d *config.Directory) { d.Channel = "" }, "channel"},
		{"nobody", func(d *config.Directory) { d.Organisations = nil }, "organisations"},
		{"no MSP id", func(d *config.Directory) { d.Organisations[1].MSPID = "" }, "organisations[1].msp_id"},
		{"an MSP id twice", func(d *config.Directory) { d.Organisations[1].MSPID = servetest.IssuerMSP }, "organisations[1].msp_id"},
		{"a name twice", func(d *config.Directory) { d.Organisations[3].Name = "issuer" }, "organisations[3].name"},
		{"no such role", func(d *config.Directory) { d.Organisations[0].Roles = []string{"bank"} }, "organisations[0].roles"},
		{"no certificate", func(d *config.Directory) { d.Organisations[0].TLSCA = "PEM" }, "organisations[0].tls_ca"},
		{"two certificates", func(d *config.Directory) {
			d.Organisations[0].TLSCA += d.Organisations[1].TLSCA
		}, "organisations[0].tls_ca"},
		{"an authority of another", func(d *config.Directory) {
			d.Organisations[1].IdentityCA = d.Organisations[0].IdentityCA
		}, "organisations[1].identity_ca"},
		{"one authority for tills and identities", func(d *config.Directory) {
			d.Organisations[2].TillsCA = d.Organisations[2].IdentityCA
		}, "organisations[2].tills_ca"},
		{"no peer", func(d *config.Directory) { d.Organisations[0].Peers = nil }, "organisations[0].peers"},
		{"no port", func(d *config.Directory) { d.Organisations[0].Peers[0].Address = "localhost" }, "organisations[0].peers[0].address"},
		{"no server name", func(d *config.Directory) {
			d.Organisations[0].Peers = append(d.Organisations[0].Peers, config.Endpoint{Address: "127.0.0.1:1"})
		}, "organisations[0].peers[1].server_name"},
		{"a service of a role that it has not", func(d *config.Directory) {
			d.Organisations[0].Services["retailer"] = config.Service{Address: "127.0.0.1:1", ServerName: "x"}
		}, "organisations[0].services"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.LoadDirectory(directory(t, test.change))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
