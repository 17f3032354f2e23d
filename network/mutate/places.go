// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// place is a statement that refuses.
type place struct {
	id int
	// pkg is the package's name, function the enclosing one, reason the word of
	// the refusal, or empty where a helper chooses it; detail is its text.
	pkg, function, reason, detail string
	file                          string
	line                          int
}

// String is what survivors.txt knows the place by.
func (p place) String() string {
	if p.reason == "" {
		return fmt.Sprintf("%s.%s %q", p.pkg, p.function, p.detail)
	}
	return fmt.Sprintf("%s.%s %s %q", p.pkg, p.function, p.reason, p.detail)
}

func (p place) where() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// source is a parsed file with the changes to be made to it.
type source struct {
	pkg, path string
	text      []byte
	set       *token.FileSet
	tree      *ast.File
	edits     map[int]string // by offset: what is inserted there
}

// found is what is in the sources: all places, the files of the packages with
// each place made to ask whether it is switched off, by path, and the reasons
// that the source of each test names.
type found struct {
	places    []place
	rewritten map[string][]byte
	named     map[string]map[string]bool
}

// choose returns the places that match.
func (f found) choose(wanted *regexp.Regexp) []place {
	var chosen []place
	for _, p := range f.places {
		if wanted.MatchString(p.String()) {
			chosen = append(chosen, p)
		}
	}
	return chosen
}

func find(root string) (found, error) {
	var sources, tests []*source
	reasons := map[string]string{}
	for _, folder := range packages {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		if err != nil {
			return found{}, err
		}
		for _, path := range files {
			s, err := parse(filepath.Base(folder), path)
			if err != nil {
				return found{}, err
			}
			if strings.HasSuffix(path, "_test.go") {
				tests = append(tests, s)
				continue
			}
			sources = append(sources, s)
			s.collectReasons(reasons)
		}
	}
	f := finder{reasons: reasons, helpers: map[string]string{}, refusing: map[string]bool{}}
	for f.findHelpers(sources) {
		continue
	}
	for f.findRefusing(sources) {
		continue
	}
	rewritten := map[string][]byte{}
	for _, s := range sources {
		f.visit(s)
		rewritten[s.path] = s.rewrite()
	}
	if f.err != nil {
		return found{}, f.err
	}
	named := map[string]map[string]bool{}
	for _, s := range tests {
		f.nameReasons(s, named)
	}
	return found{f.places, rewritten, named}, nil
}

// nameReasons notes which reasons the functions of a file name.
func (f *finder) nameReasons(s *source, into map[string]map[string]bool) {
	for _, d := range s.tree.Decls {
		declared, ok := d.(*ast.FuncDecl)
		if !ok || declared.Body == nil {
			continue
		}
		words := map[string]bool{}
		ast.Inspect(declared.Body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && f.reasons[id.Name] != "" {
				words[f.reasons[id.Name]] = true
			}
			return true
		})
		into[declared.Name.Name] = words
	}
}

func parse(pkg, path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{pkg: pkg, path: path, text: text, set: set, tree: tree, edits: map[int]string{}}, nil
}

// collectReasons notes the words of the constants of type Reason.
func (s *source) collectReasons(into map[string]string) {
	ast.Inspect(s.tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !isReason(spec.Names[0].Name) {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			into[spec.Names[0].Name] = strings.Trim(literal.Value, `"`)
		}
		return true
	})
}

var reasonName = regexp.MustCompile(`^Reason[A-Z]`)

func isReason(name string) bool { return name != "ReasonOf" && reasonName.MatchString(name) }

// finder looks for refusals: calls of Refuse, and of helpers that do nothing but
// refuse.
type finder struct {
	reasons map[string]string
	// helpers are such functions, by package and name, and closures, by package,
	// function and name, with the reason that they give.
	helpers map[string]string
	// refusing are the names of all functions that may refuse.
	refusing map[string]bool
	places   []place
	// receiver is of the method that is being visited.
	receiver string
	// err has what cannot be switched off.
	err error
}

// findHelpers adds the functions all of whose returns are refusals; true if it
// found another.
func (f *finder) findHelpers(sources []*source) bool {
	found := false
	for _, s := range sources {
		f.functions(s, func(name string, body *ast.BlockStmt) {
			if _, known := f.helpers[name]; known {
				return
			}
			reason, refuses := f.onlyRefuses(s, name, body)
			if refuses {
				f.helpers[name] = reason
				found = true
			}
		})
	}
	return found
}

// functions calls visit for every function declared, and for every closure that
// has a name.
func (f *finder) functions(s *source, visit func(name string, body *ast.BlockStmt)) {
	for _, d := range s.tree.Decls {
		declared, ok := d.(*ast.FuncDecl)
		if !ok || declared.Body == nil || declared.Name.Name == "Refuse" {
			continue
		}
		visit(s.pkg+"."+declared.Name.Name, declared.Body)
		ast.Inspect(declared.Body, func(n ast.Node) bool {
			if assigned, ok := n.(*ast.AssignStmt); ok && len(assigned.Lhs) == 1 && len(assigned.Rhs) == 1 {
				name, named := assigned.Lhs[0].(*ast.Ident)
				if literal, ok := assigned.Rhs[0].(*ast.FuncLit); ok && named {
					visit(s.pkg+"."+declared.Name.Name+"."+name.Name, literal.Body)
				}
			}
			return true
		})
	}
}

func (f *finder) onlyRefuses(s *source, name string, body *ast.BlockStmt) (string, bool) {
	reason, returns, all := "", 0, true
	ast.Inspect(body, func(n ast.Node) bool {
		if _, closure := n.(*ast.FuncLit); closure {
			return false
		}
		if r, ok := n.(*ast.ReturnStmt); ok {
			returns++
			call, ok := last(r.Results).(*ast.CallExpr)
			if !ok {
				all = false
				return true
			}
			given, refuses := f.refusal(s, name, call)
			all = all && refuses
			reason = given
		}
		return true
	})
	return reason, all && returns > 0
}

func last(list []ast.Expr) ast.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// refusal says whether a call is a refusal, and its reason.
func (f *finder) refusal(s *source, function string, call *ast.CallExpr) (string, bool) {
	name := ""
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		name = fun.Name
	case *ast.SelectorExpr:
		if x, ok := fun.X.(*ast.Ident); !ok || x.Name != "coupon" {
			return "", false
		}
		name = fun.Sel.Name
	}
	if name == "Refuse" {
		return f.word(call.Args[0]), true
	}
	outer, _, _ := strings.Cut(strings.TrimPrefix(function, s.pkg+"."), ".")
	if reason, closure := f.helpers[s.pkg+"."+outer+"."+name]; closure {
		return reason, true
	}
	reason, helper := f.helpers[s.pkg+"."+name]
	return reason, helper
}

func (f *finder) word(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return f.reasons[e.Name]
	case *ast.SelectorExpr:
		return f.reasons[e.Sel.Name]
	}
	return ""
}

// detail is the longest text in a call: what the refusal says.
func detail(call *ast.CallExpr) string {
	longest := ""
	for _, a := range call.Args {
		if literal, ok := a.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && len(text) >= len(longest) {
				longest = text
			}
		}
	}
	return longest
}
