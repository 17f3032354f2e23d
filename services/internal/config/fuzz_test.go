// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"
)

// FuzzDirectory reads directories of members, and configuration files as such:
// what is valid has a name and a peer for everybody.
func FuzzDirectory(f *testing.F) {
	f.Add([]byte(`{"channel":"coupons","organisations":[{"name":"issuer","msp_id":"IssuerMSP","roles":["issuer"],"peers":[{"address":"localhost:1","server_name":"peer"}]}]}`))
	f.Add([]byte(`{"channel":"c","organisations":[]} {}`))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseCertificate(data); err == nil && len(c.Raw) == 0 {
			t.Fatal("an empty certificate")
		}
		var d Directory
		if decode(data, &d) != nil || d.Validate() != nil {
			return
		}
		for _, o := range d.Organisations {
			if found, ok := d.ByMSP(o.MSPID); !ok || found.Name != o.Name || len(o.Peers) == 0 {
				t.Fatalf("%+v is taken", o)
			}
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"1m30s", "-1s", "0", "30", "1h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d, again Duration
		if d.UnmarshalText([]byte(text)) != nil {
			return
		}
		written, err := d.MarshalText()
		if err != nil || again.UnmarshalText(written) != nil || again != d || d < 0 {
			t.Fatalf("%q is %d, written %s: %d", text, d, written, again)
		}
	})
}
