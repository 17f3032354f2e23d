// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// maxStatements bounds the statements that a connection keeps: more than any service has.
const maxStatements = 256

// connector opens connections that keep their statements. Reading a statement costs SQLite several times as much as
// looking up a row with it, and the services have few statements that they run without end.
type connector struct{ address string }

// Connect opens a connection.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.Driver().Open(c.address)
	if err != nil {
		return nil, err
	}
	bare, ok := opened.(bareConn)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver lacks something that its connections had"), opened.Close())
	}
	return &conn{bareConn: bare, idle: make(map[string]statement)}, nil
}

// Driver is SQLite's.
func (c connector) Driver() driver.Driver { return &sqlite.Driver{} }

// bareConn is what database/sql uses of SQLite's connections, but for queries.
type bareConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// statement is what SQLite's statements can do.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// conn keeps the statements that it has run, by their text, while they are idle. It is used by one goroutine at a time.
type conn struct {
	bareConn
	idle map[string]statement
}

// ExecContext runs a statement or, as migrations do, several.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	return result, errors.Join(err, c.keep(query, s))
}

// QueryContext runs a statement that returns rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	found, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, c.keep(query, s))
	}
	return &rows{Rows: found, done: func() error { return c.keep(query, s) }}, nil
}

// Close ends the connection and its statements.
func (c *conn) Close() error {
	var failed []error
	for _, s := range c.idle {
		failed = append(failed, s.Close())
	}
	clear(c.idle)
	return errors.Join(append(failed, c.bareConn.Close())...)
}

// take returns an idle statement or a new one: the same text may be at work already, for rows that are not read yet.
func (c *conn) take(ctx context.Context, query string) (statement, error) {
	if s, found := c.idle[query]; found {
		delete(c.idle, query)
		return s, nil
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver lacks something that its statements had"), prepared.Close())
	}
	return s, nil
}

// keep takes back a statement that is done.
func (c *conn) keep(query string, s statement) error {
	if _, twice := c.idle[query]; twice || len(c.idle) >= maxStatements {
		return s.Close()
	}
	c.idle[query] = s
	return nil
}

// rows give their statement back when they are closed.
type rows struct {
	driver.Rows
	done func() error
}

// Close ends the rows; it is called once.
func (r *rows) Close() error {
	return errors.Join(r.Rows.Close(), r.done())
}
