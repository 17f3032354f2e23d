// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

const (
	// pageSize is the largest that the services give.
	pageSize = 200
	// maxPages bounds what a list prints.
	maxPages = 500
)

// everyPage fetches pages until the last.
func everyPage(fetch func(token string) (next string, err error)) error {
	token := ""
	for range maxPages {
		next, err := fetch(token)
		if err != nil || next == "" {
			return err
		}
		token = next
	}
	return fmt.Errorf("there are more than %d pages", maxPages)
}

// requestFlag is the flag of every command that changes something.
type requestFlag struct{ id string }

func (r *requestFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.id, "request-id", "", "repeat the request of this id (default: a new one)")
}

// value returns the id given, or a new one.
func (r *requestFlag) value() (string, error) {
	if r.id != "" {
		return r.id, nil
	}
	id, err := uuid.NewRandom()
	return id.String(), err
}

// versionFlag is which version of a campaign is meant.
type versionFlag struct{ version int64 }

func (v *versionFlag) add(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&v.version, "version", 1, "version of the campaign")
}

// require marks flags that a command cannot do without.
func require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a name that is no flag is a mistake in this package
		}
	}
}
