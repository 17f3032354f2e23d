// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve_test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ecoupon/services/internal/config"
	"ecoupon/services/internal/serve"
	"ecoupon/services/internal/servetest"
)

type settings struct {
	Store string `json:"store"`
}

// files writes a configuration and a directory, and returns their paths.
func files(t *testing.T) (configuration, directory string) {
	t.Helper()
	folder := t.TempDir()
	configuration, directory = filepath.Join(folder, "retailer.json"), filepath.Join(folder, "consortium.json")
	text, err := json.Marshal(servetest.New(t, servetest.Default()...).Directory)
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{configuration: `{"store": "data.db"}`, directory: string(text)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return configuration, directory
}

func TestBegin(t *testing.T) {
	t.Parallel()
	configuration, directory := files(t)
	var cfg settings
	start, err := serve.Begin(config.RoleRetailer, []string{
		"--config", configuration, "--directory", directory, "--organisation", servetest.RetailerMSP,
		"--listen", "127.0.0.1:0", "--debug-listen", "127.0.0.1:0",
	}, io.Discard, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Store != "data.db" || start.Organisation.MSPID != servetest.RetailerMSP || start.Flags.DebugListen != "127.0.0.1:0" {
		t.Errorf("got %+v of %+v", start.Flags, start.Organisation)
	}
}

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	configuration, directory := files(t)
	good := []string{
		"--config", configuration, "--directory", directory, "--organisation", servetest.RetailerMSP, "--listen", "127.0.0.1:0",
	}
	tests := []struct{ name, drop, add, want string }{
		{"no configuration", "--config", "", "--config"},
		{"no organisation", "--organisation", "", "--organisation"},
		{"no address", "--listen", "", "--listen"},
		{"a word too many", "", "now", "now"},
		{"an unknown flag", "", "--fast", "fast"},
		{"no such file", "", "--config=none.json", "none.json"},
		{"no such directory", "", "--directory=none.json", "none.json"},
		{"an unknown organisation", "", "--organisation=StoreMSP", "StoreMSP"},
		{"an organisation of another role", "", "--organisation=" + servetest.IssuerMSP, servetest.IssuerMSP},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var args []string
			for i := 0; i < len(good); i += 2 {
				if good[i] != test.drop {
					args = append(args, good[i], good[i+1])
				}
			}
			if test.add != "" {
				args = append(args, test.add)
			}
			_, err := serve.Begin(config.RoleRetailer, args, io.Discard, new(settings))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
