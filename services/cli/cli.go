// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: whatever a person does with the services of
// an organisation, and a customer's wallet. Answers are for people, or with
// --json the API's own messages; refusals are sentences with their reason.
package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"ecoupon/services/dial"
)

// Exit codes.
const (
	// ExitDone: it was done.
	ExitDone = 0
	// ExitRefused: it was refused, for the reason printed; or what was to be
	// verified, a coupon or the ledger, is not good.
	ExitRefused = 1
	// ExitUsage: the command, a flag or a file is wrong; nothing was sent.
	ExitUsage = 2
	// ExitRepeat: no answer came, or the outcome is not known. The same command
	// with the request id printed gets the true answer.
	ExitRepeat = 3
	// ExitFault: a service or this machine is at fault.
	ExitFault = 4
)

// defaultTimeout is for a whole command: an answer from the ledger is there in
// a second, a settlement of many claims in some.
const defaultTimeout = time.Minute

// Env is what a command has to do with.
type Env struct {
	In       io.Reader
	Out, Err io.Writer
	Now      func() time.Time
	Getenv   func(name string) string
	// Open reads a credentials folder.
	Open func(folder string) (Consortium, error)
	// Version is what "coupon version" prints.
	Version string
}

// Consortium is how services are reached with the credentials of a folder.
type Consortium interface {
	// Service connects to the service of a role; with an empty MSP id the own
	// organisation's, or the only one's.
	Service(role, mspID string) (*grpc.ClientConn, error)
	// Organisation is the MSP id of whoever holds the credentials.
	Organisation() string
	// Members returns the organisations that have a role.
	Members(role string) []dial.Member
	// Ledger connects to a peer of the own organisation, by its address or, if
	// that is empty, to the first.
	Ledger(address string) (*dial.Ledger, error)
}

// Open is the Env.Open of a program that runs.
func Open(folder string) (Consortium, error) {
	credentials, err := dial.Open(folder)
	if err != nil {
		return nil, err
	}
	return credentials, nil
}

// Run executes one command and returns its exit code.
func Run(ctx context.Context, env Env, args []string) int {
	a := &app{env: env}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started {
		err = usage(err)
	}
	return a.explain(err)
}

// app is one command being executed.
type app struct {
	env Env
	// started is set once command and flags are understood.
	started bool

	folder       string
	organisation string
	json         bool
	timeout      time.Duration
}

const long = `Everything that a person does with the services of the e-coupon consortium.

Who you are is in a folder that --as or $COUPON_AS names: cert.pem and key.pem,
a certificate of your organisation with your role, and consortium.json, the
directory of the members. A wallet needs none.

Exit codes: 0 done; 1 refused, for the reason printed, or a coupon or the ledger
is not good;
2 the command, a flag or a file is wrong, and nothing was sent; 3 no answer came
or the outcome is not known: the same command with the request id printed gets
the true answer; 4 a service or this machine is at fault.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use: "coupon", Short: "The e-coupon consortium on the command line", Long: long,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.folder, "as", "", "folder of credentials: cert.pem, key.pem, consortium.json (default $COUPON_AS)")
	flags.StringVar(&a.organisation, "organisation", "", "MSP id of the organisation whose service is called (default: yours, or the only one)")
	flags.BoolVar(&a.json, "json", false, "print the API's messages, one line of JSON each, for programs")
	flags.DurationVar(&a.timeout, "timeout", defaultTimeout, "give up after this time")
	root.AddCommand(a.issuer(), a.advertiser(), a.wallet(), a.till(), a.retailer(), a.clearing(), a.audit(), a.version())
	return root
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: a.run(func(context.Context, []string) error {
			if a.json {
				return a.printJSON(map[string]string{"version": a.env.Version})
			}
			return a.printf("coupon %s\n", a.env.Version)
		}),
	}
}

// run wraps a command: from here on an error is none of usage, unless it says
// so, and time is limited.
func (a *app) run(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
		defer cancel()
		return do(ctx, args)
	}
}

// group is a command that has only others below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	parent := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return errors.Join(errors.New("name one of the commands below"), cmd.Help())
	}}
	parent.AddCommand(commands...)
	return parent
}

func (a *app) credentials() string {
	if a.folder != "" {
		return a.folder
	}
	return a.env.Getenv("COUPON_AS")
}

func (a *app) consortium() (Consortium, error) {
	folder := a.credentials()
	if folder == "" {
		return nil, usagef("name your folder of credentials with --as or $COUPON_AS")
	}
	consortium, err := a.env.Open(folder)
	if err != nil {
		return nil, usage(err)
	}
	return consortium, nil
}

// service connects to the service of a role and makes its client.
func service[C any](a *app, role string, client func(grpc.ClientConnInterface) C) (C, func(), error) {
	var none C
	consortium, err := a.consortium()
	if err != nil {
		return none, nil, err
	}
	connection, err := consortium.Service(role, a.organisation)
	if err != nil {
		return none, nil, usage(err)
	}
	return client(connection), func() { _ = connection.Close() }, nil
}

// only returns the organisation named, or the only one with the role; where one
// has it beside the own organisation, that one.
func (a *app) only(role, named, flag string) (string, error) {
	if named != "" {
		return named, nil
	}
	consortium, err := a.consortium()
	if err != nil {
		return "", err
	}
	members := consortium.Members(role)
	others := slices.DeleteFunc(slices.Clone(members), func(m dial.Member) bool { return m.MSPID == consortium.Organisation() })
	switch {
	case len(others) == 1:
		return others[0].MSPID, nil
	case len(members) == 1:
		return members[0].MSPID, nil
	}
	return "", usagef("there are %d organisations with the role %s; name one with --%s", len(members), role, flag)
}
