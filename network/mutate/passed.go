// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/token"
)

// A check is also lost where a function does not pass on the refusal of another
// that it calls, or that it could not be made. Such places have no reason of their
// own: any test may miss them.

// passesOn leads the detail of such a place.
const passesOn = "passes on "

// findRefusing notes the names of the functions that may refuse; true if it found
// another.
func (f *finder) findRefusing(sources []*source) bool {
	found := false
	for _, s := range sources {
		for _, d := range s.tree.Decls {
			declared, ok := d.(*ast.FuncDecl)
			if !ok || declared.Body == nil || f.refusing[declared.Name.Name] || declared.Name.Name == "Refuse" {
				continue
			}
			ast.Inspect(declared.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if _, refuses := f.refusal(s, s.pkg+"."+declared.Name.Name, call); refuses || f.refusing[calledBy(call)] {
					f.refusing[declared.Name.Name] = true
					found = true
				}
				return true
			})
		}
	}
	return found
}

// calledBy is the name of the function or method that is called.
func calledBy(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}

// visitPassing notes where statements of a block pass on what a function refused.
func (f *finder) visitPassing(s *source, function string, list []ast.Stmt) {
	for i, statement := range list {
		check, ok := statement.(*ast.IfStmt)
		if !ok || !isErrNotNil(check.Cond) || !returnsErr(check.Body) {
			continue
		}
		from := check.Init
		if from == nil && i > 0 {
			from = list[i-1]
		}
		if name := f.assigned(from); name != "" {
			p := f.place(s, function, "", check)
			p.detail = passesOn + name
			f.places = append(f.places, p)
			s.insert(check.Cond.End(), fmt.Sprintf(" && !%s(%d)", s.switchName(), p.id))
		}
	}
}

// assigned is the function that may refuse and whose results are assigned.
func (f *finder) assigned(statement ast.Stmt) string {
	assign, ok := statement.(*ast.AssignStmt)
	if !ok || len(assign.Rhs) != 1 {
		return ""
	}
	call, ok := assign.Rhs[0].(*ast.CallExpr)
	if !ok || !f.refusing[calledBy(call)] {
		return ""
	}
	return calledBy(call)
}

func isErrNotNil(cond ast.Expr) bool {
	binary, ok := cond.(*ast.BinaryExpr)
	if !ok || binary.Op != token.NEQ {
		return false
	}
	left, ok := binary.X.(*ast.Ident)
	return ok && left.Name == "err"
}

// returnsErr says whether a block does nothing but return err, or what is made
// of it.
func returnsErr(body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return false
	}
	r, ok := body.List[0].(*ast.ReturnStmt)
	found := false
	if ok {
		ast.Inspect(last(r.Results), func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			found = found || ok && id.Name == "err"
			return true
		})
	}
	return found
}
