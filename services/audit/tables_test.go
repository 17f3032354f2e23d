// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sources are the rules that every organisation runs.
const sources = "../../chaincode"

// Every function of the contract has a rule, and no other has.
func TestEveryFunctionHasARule(t *testing.T) {
	t.Parallel()
	want := map[string]int{}
	file := parse(t, filepath.Join(sources, "contract", "access.go"))
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || spec.Names[0].Name != "functions" {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			pair := element.(*ast.KeyValueExpr)
			name := literal(t, pair.Key)
			arguments, err := strconv.Atoi(pair.Value.(*ast.CompositeLit).Elts[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want[name] = arguments
		}
		return false
	})
	if len(want) < 30 {
		t.Fatalf("found %d functions only", len(want))
	}
	have := map[string]int{}
	for name, rule := range functionRules {
		have[name] = rule.arguments
	}
	for _, name := range evaluations {
		if _, twice := have[name]; twice {
			t.Errorf("%s is a transaction and an evaluation", name)
		}
		have[name] = want[name]
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("functions and how many arguments they have (-contract +rules):\n%s", diff)
	}
	for prefix, rule := range keyRules {
		for _, name := range rule.by {
			if _, known := functionRules[name]; !known {
				t.Errorf("%s is written by %s, which has no rule", prefix, name)
			}
		}
	}
}

// keyForm is what a whole key, or the beginning of one, looks like in the
// source.
var keyForm = regexp.MustCompile("^[a-z][a-z-]*/?$")

// Every key that the contract's state has has a rule, and no other has. Keys
// are made in package world, by constants and functions whose names say so.
func TestEveryKeyHasARule(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(sources, "world", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			keysOf(t, parse(t, file), want)
		}
	}
	have := map[string]bool{}
	for key := range keyRules {
		have[key] = true
	}
	for key := range privateRules {
		have[key] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(have))); diff != "" {
		t.Errorf("keys (-contract +rules):\n%s", diff)
	}
}

// keysOf collects the texts with which keys begin.
func keysOf(t *testing.T, file *ast.File, into map[string]bool) {
	t.Helper()
	collect := func(name string, from ast.Node) {
		if !strings.HasSuffix(name, "Key") && !strings.HasSuffix(name, "Prefix") && !strings.HasSuffix(name, "Of") {
			return
		}
		ast.Inspect(from, func(n ast.Node) bool {
			text, ok := n.(*ast.BasicLit)
			if !ok || text.Kind != token.STRING {
				return true
			}
			if key := literal(t, text); keyForm.MatchString(key) {
				into[key] = true
			}
			return true
		})
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				collect(d.Name.Name, d.Body)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if value, ok := spec.(*ast.ValueSpec); ok {
					for i, v := range value.Values {
						collect(value.Names[i].Name, v)
					}
				}
			}
		}
	}
}

// The ledger's clock is the contract's.
func TestTimesAreTheContracts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(sources, "contract", "context.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tickInterval = 2 * time.Minute", "tickLife     = 10 * time.Minute", "maxAhead  = 5 * time.Second", "maxBehind = 30 * time.Second"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the contract has not %q any more", want)
		}
	}
	if tickInterval != 2*60_000 || tickLife != 10*60_000 || clockSlack != 2*35_000 {
		t.Error("the audit's times are not the contract's")
	}
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func literal(t *testing.T, e ast.Expr) string {
	t.Helper()
	text, err := strconv.Unquote(e.(*ast.BasicLit).Value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
