// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"ecoupon/services/internal/sqlstore"
)

// keepers are the commands about a service's store, by the word that stands
// first on the command line of every service.
var keepers = map[string]func(ctx context.Context, args []string, stderr io.Writer) error{
	"backup": backup, "restore": restore,
}

// backup copies the store of a service that may be at work:
// backup --config FILE TO.
func backup(ctx context.Context, args []string, stderr io.Writer) error {
	set, configuration := keeping("backup", stderr)
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() != 1 {
		return errors.New("backup takes the name of the file to write")
	}
	store, err := storeOf(*configuration)
	if err != nil {
		return err
	}
	return sqlstore.Backup(ctx, store, set.Arg(0))
}

// restore makes the store of a service that is stopped from a backup, or anew:
// restore --config FILE [--lanes-from N] FROM, or --lost in place of FROM.
func restore(ctx context.Context, args []string, stderr io.Writer) error {
	set, configuration := keeping("restore", stderr)
	lost := set.Bool("lost", false, "there is no backup: begin with an empty store")
	lanes := set.Int("lanes-from", -1, "the first `lane` of which an advertiser has never given out a number; none if negative")
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() > 1 || *lost == (set.NArg() == 1) {
		return errors.New("restore takes the name of a backup, or --lost")
	}
	store, err := storeOf(*configuration)
	if err != nil {
		return err
	}
	return sqlstore.Restore(ctx, set.Arg(0), store, *lanes)
}

func keeping(name string, stderr io.Writer) (*flag.FlagSet, *string) {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(stderr)
	return set, set.String("config", "", "configuration `file` (JSON) of the service")
}

// storeOf reads where a configuration has the store.
func storeOf(configuration string) (string, error) {
	text, err := os.ReadFile(configuration)
	if err != nil {
		return "", err
	}
	var cfg struct {
		Store string `json:"store"`
	}
	if err := json.Unmarshal(text, &cfg); err != nil || cfg.Store == "" {
		return "", errors.Join(fmt.Errorf("%s names no store", configuration), err)
	}
	return cfg.Store, nil
}
