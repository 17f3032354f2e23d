// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package coupon

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"testing"
)

func TestDeriveIsHKDF(t *testing.T) {
	t.Parallel()
	for n := range 50 {
		kM := Key(secretOf("k_M %d", n))
		info := newEnc(labelEmitterKey).text("campaign").text("AdvertiserMSP").int(int64(n))
		want, err := hkdf.Key(sha256.New, kM[:], nil, string(info), 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := DeriveEmitterKey(kM, "campaign", "AdvertiserMSP", int64(n)); !slices.Equal(got[:], want) {
			t.Errorf("derived %x, want %x", got[:], want)
		}
	}
}

func TestDerivedKeysDiffer(t *testing.T) {
	t.Parallel()
	kM := Key(secretOf("k_M"))
	seen := make(map[Key]string)
	for name, key := range map[string]Key{
		"k_M": kM, "k_F": DeriveFrameworkKey(kM), "k_B": DeriveBeaconKey(kM), "k_S": DeriveSpentKey(kM), "k_P": DeriveProductKey(kM),
		"k_ME":                      DeriveEmitterKey(kM, "campaign", "emitter", 1),
		"k_ME of the next epoch":    DeriveEmitterKey(kM, "campaign", "emitter", 2),
		"k_ME of another emitter":   DeriveEmitterKey(kM, "campaign", "emitterx", 1),
		"k_ME of another campaign":  DeriveEmitterKey(kM, "campaignx", "emitter", 1),
		"k_ME with a letter moved":  DeriveEmitterKey(kM, "campaigne", "mitter", 1),
		"k_F of another campaign":   DeriveFrameworkKey(secretOf("another k_M")),
		"k_ME without its campaign": DeriveEmitterKey(kM, "", "campaignemitter", 1),
	} {
		if twin, ok := seen[key]; ok {
			t.Errorf("%s and %s are the same", name, twin)
		}
		seen[key] = name
	}
}

func TestEncSeparatesFields(t *testing.T) {
	t.Parallel()
	got := newEnc("ab").text("c").bytes(nil).int(258)
	want := []byte{0, 0, 0, 2, 'a', 'b', 0, 0, 0, 1, 'c', 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2}
	if !slices.Equal(got, want) {
		t.Errorf("enc gives % x, want % x", []byte(got), want)
	}
}

func TestMACIsHMAC(t *testing.T) {
	t.Parallel()
	key := Key(secretOf("key"))
	message := newEnc("label").text("field")
	h := hmac.New(sha256.New, key[:])
	h.Write(message)
	want := h.Sum(nil)
	if got := message.mac(key); !slices.Equal(got[:], want) {
		t.Errorf("mac gives %x, want %x", got[:], want)
	}
	if got := message.mac16(key); !slices.Equal(got[:], want[:16]) {
		t.Errorf("mac16 gives %x, want %x", got[:], want[:16])
	}
}

func TestMACEqual(t *testing.T) {
	t.Parallel()
	mac := MAC{1, 2, 3}
	if !mac.Equal(MAC{1, 2, 3}) {
		t.Error("equal MACs differ")
	}
	for i := range mac {
		other := mac
		other[i] ^= 0x10
		if mac.Equal(other) {
			t.Errorf("MACs that differ in byte %d are equal", i)
		}
	}
}
