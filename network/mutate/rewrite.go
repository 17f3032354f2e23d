// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// visit finds the places of a file and notes the changes that let them be
// switched off.
func (f *finder) visit(s *source) {
	for _, d := range s.tree.Decls {
		declared, ok := d.(*ast.FuncDecl)
		if !ok || declared.Body == nil {
			continue
		}
		f.receiver = receiver(declared)
		name := s.pkg + "." + declared.Name.Name
		if _, helper := f.helpers[name]; !helper && declared.Name.Name != "Refuse" {
			f.visitBody(s, name, declared.Type, declared.Body)
		}
	}
}

// receiver is the type that a method is of, and a point.
func receiver(declared *ast.FuncDecl) string {
	if declared.Recv == nil {
		return ""
	}
	typ := declared.Recv.List[0].Type
	if pointer, ok := typ.(*ast.StarExpr); ok {
		typ = pointer.X
	}
	return fmt.Sprint(typ) + "."
}

// visitBody looks at the statements of a function, and at closures in it.
func (f *finder) visitBody(s *source, function string, signature *ast.FuncType, body *ast.BlockStmt) {
	before := len(f.places)
	closures := map[*ast.FuncLit]string{}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if literal, ok := n.Rhs[0].(*ast.FuncLit); ok && len(n.Lhs) == 1 {
				closures[literal] = fmt.Sprint(n.Lhs[0])
			}
			f.visitStatement(s, function, n, n.Rhs, n.Tok == token.DEFINE)
		case *ast.FuncLit:
			if _, helper := f.helpers[function+"."+closures[n]]; !helper {
				f.visitBody(s, function, n.Type, n.Body)
			}
			return false
		case *ast.BlockStmt:
			f.visitPassing(s, function, n.List)
		case *ast.CaseClause:
			f.visitPassing(s, function, n.Body)
		case *ast.ReturnStmt:
			f.visitStatement(s, function, n, n.Results, false)
		case *ast.ExprStmt:
			f.visitStatement(s, function, n, []ast.Expr{n.X}, false)
		}
		return true
	})
	if len(f.places) > before {
		s.insert(body.Rbrace, falling(s, signature))
	}
}

// visitStatement notes a place if one of the statement's values has a refusal
// that is not within a closure.
func (f *finder) visitStatement(s *source, function string, statement ast.Stmt, values []ast.Expr, defines bool) {
	for _, v := range values {
		ast.Inspect(v, func(n ast.Node) bool {
			if _, closure := n.(*ast.FuncLit); closure {
				return false
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			reason, refuses := f.refusal(s, function, call)
			if !refuses {
				return true
			}
			if defines {
				f.err = errors.Join(f.err, fmt.Errorf("%s: a refusal is given a name: this cannot be switched off", s.set.Position(call.Pos())))
			}
			f.add(s, function, reason, statement, call)
			return false
		})
	}
}

func (f *finder) add(s *source, function, reason string, statement ast.Stmt, call *ast.CallExpr) {
	p := f.place(s, function, reason, call)
	p.detail = detail(call)
	f.places = append(f.places, p)
	s.insert(statement.Pos(), fmt.Sprintf("if !%s(%d) { ", s.switchName(), p.id))
	s.insert(statement.End(), " }")
}

// place is the next one, at a node.
func (f *finder) place(s *source, function, reason string, at ast.Node) place {
	return place{
		id: len(f.places) + 1, pkg: s.pkg, function: f.receiver + strings.TrimPrefix(function, s.pkg+"."),
		reason: reason, file: s.path, line: s.set.Position(at.Pos()).Line,
	}
}

// switchName is how the file's package calls SwitchedOff.
func (s *source) switchName() string {
	if s.pkg == "coupon" {
		return "SwitchedOff"
	}
	return "coupon.SwitchedOff"
}

// falling is what a function ends with when its last refusal is switched off:
// zero values, and so no refusal.
func falling(s *source, signature *ast.FuncType) string {
	if signature.Results == nil {
		return ""
	}
	var zeros []string
	for _, r := range signature.Results.List {
		typ := string(s.text[s.offset(r.Type.Pos()):s.offset(r.Type.End())])
		for range max(1, len(r.Names)) {
			zeros = append(zeros, "*new("+typ+")")
		}
	}
	return "; return " + strings.Join(zeros, ", ")
}

func (s *source) offset(p token.Pos) int { return s.set.Position(p).Offset }

func (s *source) insert(at token.Pos, text string) { s.edits[s.offset(at)] += text }

func (s *source) rewrite() []byte {
	var b bytes.Buffer
	done := 0
	for _, offset := range slices.Sorted(maps.Keys(s.edits)) {
		b.Write(s.text[done:offset])
		b.WriteString(s.edits[offset])
		done = offset
	}
	b.Write(s.text[done:])
	return b.Bytes()
}
