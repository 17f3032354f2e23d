// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// modules are those that have tests; their names follow modulePrefix.
var modules = []string{"chaincode", "services", "network"}

const modulePrefix = "ecoupon"

// target is one fuzz function.
type target struct {
	name string
	// path is the import path of its package, folder where that is.
	path, folder string
}

func (t target) String() string { return t.path + " " + t.name }

// find returns all fuzz functions below the repository's root, in order.
func find(root string) ([]target, error) {
	var targets []target
	for _, module := range modules {
		base := filepath.Join(root, module)
		err := filepath.WalkDir(base, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			names, err := fuzzFunctions(file)
			if err != nil {
				return err
			}
			folder := filepath.Dir(file)
			within, err := filepath.Rel(base, folder)
			if err != nil {
				return err
			}
			for _, name := range names {
				targets = append(targets, target{name: name, folder: folder, path: path.Join(modulePrefix, module, filepath.ToSlash(within))})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(targets, func(a, b target) int { return strings.Compare(a.String(), b.String()) })
	return targets, nil
}

// fuzzFunctions returns the names of the functions FuzzX(f *testing.F) of a
// file.
func fuzzFunctions(file string) ([]string, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, declaration := range tree.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") && len(f.Type.Params.List) == 1 {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}
