// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package postgres_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ecoupon/network/bench/postgres"
)

func TestServer(t *testing.T) {
	t.Parallel()
	s, err := postgres.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.Address())
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := conn.QueryRow(t.Context(), "SHOW "+setting).Scan(&value); err != nil || value != "on" {
			t.Errorf("%s is %q %v", setting, value, err)
		}
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE n (n bigserial)"); err != nil {
		t.Fatal(err)
	}
	rate, err := s.Bench(t.Context(), "INSERT INTO n DEFAULT VALUES;\n", 2, time.Second)
	if err != nil || rate <= 0 {
		t.Errorf("%f a second: %v", rate, err)
	}
	if _, err := s.Bench(t.Context(), "INSERT INTO missing DEFAULT VALUES;\n", 1, time.Second); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a script that fails: %v", err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	dir, _, _ := strings.Cut(strings.TrimPrefix(s.Address(), "host="), " ")
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || s.PID() != 0 {
		t.Errorf("something is left in %s: %v", dir, err)
	}
}
