// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package services holds no code: only the test that the tree's imports keep
// to its architecture, and one of its packages together.
package services

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule says which imports the packages below a folder may not have. A pattern
// stands for a package and all below it.
type rule struct {
	below  string
	except []string // folders below that may
	never  []string
	why    string
}

var rules = []rule{
	{below: "chaincode", never: []string{"ecoupon/services", "ecoupon/proto", "ecoupon/network"}, why: "the rules stand alone"},
	{below: "chaincode/coupon", never: []string{"ecoupon", "github.com", "google.golang.org", "golang.org"}, why: "the protocol needs the standard library only"},
	{below: "chaincode/world", never: []string{"ecoupon/chaincode/contract"}, why: "contract imports world, which imports coupon"},
	{below: "services/clearing/settle", never: []string{"ecoupon/services", "ecoupon/proto", "github.com", "google.golang.org"}, why: "settling is a pure function"},
	{below: "services/clearing/reconcile", never: []string{"ecoupon/services", "ecoupon/proto", "github.com", "google.golang.org"}, why: "reconciling is a pure function"},
	{below: "services", except: []string{"services/internal/ledger", "services/internal/ledgertest"}, never: []string{"github.com/hyperledger/fabric-gateway"}, why: "one package speaks to the gateway"},
	{below: "services", except: []string{"services/internal/ledgertest"}, never: []string{"ecoupon/chaincode/contract", "ecoupon/chaincode/world", "ecoupon/chaincode/stubtest"}, why: "services know the ledger's records, not its rules"},
	{below: "services", never: []string{"ecoupon/network"}, why: "a service does not know how it is run"},
	{below: "services/issuer", never: []string{"ecoupon/services/advertiser", "ecoupon/services/retailer", "ecoupon/services/clearing", "ecoupon/services/wallet"}, why: "services call each other, if at all, through their APIs"},
	{below: "services/advertiser", never: []string{"ecoupon/services/issuer", "ecoupon/services/retailer", "ecoupon/services/clearing", "ecoupon/services/wallet"}, why: "services call each other, if at all, through their APIs"},
	{below: "services/retailer", never: []string{"ecoupon/services/issuer", "ecoupon/services/advertiser", "ecoupon/services/clearing", "ecoupon/services/wallet"}, why: "services call each other, if at all, through their APIs"},
	{below: "services/clearing", never: []string{"ecoupon/services/issuer", "ecoupon/services/advertiser", "ecoupon/services/retailer", "ecoupon/services/wallet"}, why: "services call each other, if at all, through their APIs"},
	{below: "services/clearing", never: []string{"ecoupon/services/institute"}, why: "an institute is no part of the consortium, and is called through its API"},
	{below: "services/institute", never: []string{"ecoupon/services/issuer", "ecoupon/services/advertiser", "ecoupon/services/retailer", "ecoupon/services/clearing", "ecoupon/services/wallet", "ecoupon/services/internal/ledger"}, why: "an institute is no part of the consortium"},
	{below: "services/wallet", except: []string{"services/wallet/wallettest"}, never: []string{"ecoupon/services/internal", "ecoupon/services/issuer", "ecoupon/services/advertiser", "ecoupon/services/retailer", "ecoupon/services/clearing"}, why: "a customer has no part in the consortium"},
}

func TestImportsKeepToTheArchitecture(t *testing.T) {
	t.Parallel()
	files := 0
	for _, module := range []string{"chaincode", "services", "network"} {
		root := filepath.Join("..", module)
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			checkImports(t, path, filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, ".."+string(filepath.Separator)))))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Errorf("looked at %d files only", files)
	}
}

func checkImports(t *testing.T, path, folder string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			if within(folder, r.below) && !slices.ContainsFunc(r.except, func(e string) bool { return within(folder, e) }) &&
				slices.ContainsFunc(r.never, func(n string) bool { return within(name, n) }) {
				t.Errorf("%s imports %s: %s", path, name, r.why)
			}
		}
	}
}

func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
