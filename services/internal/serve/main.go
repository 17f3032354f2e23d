// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ecoupon/services/internal/config"
)

// Flags are what is said on a service's command line: what differs between two processes of the same configuration.
type Flags struct {
	Config       string
	Directory    string
	Organisation string
	Listen       string
	DebugListen  string
	PublicListen string
	// ClockOffset puts the service's clock wrong, for tests.
	ClockOffset time.Duration
}

// Start is what every service begins with.
type Start struct {
	Flags        Flags
	Directory    *config.Directory
	Organisation config.Organisation
	Registry     *prometheus.Registry
	Logger       *slog.Logger
}

// Now is the service's clock: the machine's, unless the command line puts it wrong.
func (s Start) Now() time.Time { return time.Now().Add(s.Flags.ClockOffset) }

// Main runs a service's command: run gets a context that ends with SIGINT or SIGTERM, and its error ends the process
// with status 1. Where the first argument is backup or restore, that is done with the service's store instead. It is
// the one place where a service exits.
func Main(run func(ctx context.Context, args []string, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	args := os.Args[1:]
	if len(args) > 0 && keepers[args[0]] != nil {
		run, args = keepers[args[0]], args[1:]
	}
	err := run(ctx, args, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// Begin reads the command line of a service with this role of organisations, then its configuration into cfg, which
// is a pointer to a struct and is validated if it can be, then the directory.
func Begin(role string, args []string, stderr io.Writer, cfg any) (Start, error) {
	flags, err := parseFlags(role, args, stderr)
	if err != nil {
		return Start{}, err
	}
	if err := config.Load(flags.Config, cfg); err != nil {
		return Start{}, err
	}
	directory, err := config.LoadDirectory(flags.Directory)
	if err != nil {
		return Start{}, err
	}
	organisation, found := directory.ByMSP(flags.Organisation)
	if !found || !organisation.Has(role) {
		return Start{}, fmt.Errorf("%s: no organisation %q with the role %s", flags.Directory, flags.Organisation, role)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	logger := slog.New(slog.NewJSONHandler(stderr, nil)).With("service", role, "of", organisation.MSPID)
	if flags.ClockOffset != 0 {
		logger.Warn("the clock is put wrong on purpose", "offset", flags.ClockOffset.String(), "by", "--clock-offset")
	}
	return Start{Flags: flags, Directory: directory, Organisation: organisation, Registry: registry, Logger: logger}, nil
}

func parseFlags(role string, args []string, stderr io.Writer) (Flags, error) {
	var flags Flags
	set := flag.NewFlagSet(role, flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&flags.Config, "config", "", "configuration `file` (JSON)")
	set.StringVar(&flags.Directory, "directory", "consortium.json", "`file` with the directory of the consortium")
	set.StringVar(&flags.Organisation, "organisation", "", "`MSP id` of the own organisation")
	set.StringVar(&flags.Listen, "listen", "", "`address` of the gRPC server")
	set.StringVar(&flags.DebugListen, "debug-listen", "", "`address` of health, metrics and profiles; none if empty")
	set.StringVar(&flags.PublicListen, "public-listen", "", "`address` of the public side, if the service has one")
	set.DurationVar(&flags.ClockOffset, "clock-offset", 0, "`duration` by which the clock is put wrong, for tests")
	if err := set.Parse(args); err != nil {
		return Flags{}, err
	}
	if set.NArg() > 0 {
		return Flags{}, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	for name, value := range map[string]string{
		"config": flags.Config, "organisation": flags.Organisation, "listen": flags.Listen,
	} {
		if value == "" {
			return Flags{}, fmt.Errorf("--%s is required", name)
		}
	}
	return flags, nil
}

// Run is Serve on the addresses of the command line. It fills in what Begin found: directory, organisation, registry,
// logger, and the certificate that the configuration names.
func (s Start) Run(ctx context.Context, o Options) error {
	certificate, err := o.Config.LoadCertificate()
	if err != nil {
		return err
	}
	o.Certificate, o.Directory, o.Organisation = certificate, s.Directory, s.Organisation.MSPID
	o.Registry, o.Logger = s.Registry, s.Logger
	if o.Config.TillsCRL != "" {
		if o.Withdrawn, err = LoadWithdrawn(o.Config.TillsCRL, s.Organisation, s.Logger); err != nil {
			return fmt.Errorf("reading which certificates are withdrawn: %w", err)
		}
	}
	if err := s.tellExpiry(certificate.Leaf); err != nil {
		return err
	}
	if s.Flags.PublicListen != "" && o.Public == nil {
		return errors.New("--public-listen: this service has no public side")
	}
	var listeners Listeners
	for _, listen := range []struct {
		address string
		to      *net.Listener
	}{{s.Flags.Listen, &listeners.GRPC}, {s.Flags.DebugListen, &listeners.Debug}, {s.Flags.PublicListen, &listeners.Public}} {
		if listen.address == "" {
			continue
		}
		*listen.to, err = new(net.ListenConfig).Listen(ctx, "tcp", listen.address)
		if err != nil {
			return errors.Join(err, listeners.close())
		}
	}
	return Serve(ctx, o, listeners)
}

// soon is how long before its end a certificate is to be renewed.
const soon = 30 * 24 * time.Hour

// tellExpiry says when the service's certificate ends.
func (s Start) tellExpiry(certificate *x509.Certificate) error {
	expiry := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "ecoupon_certificate_expiry_timestamp_seconds",
		Help: "When the service's TLS certificate ends, in Unix time; its identity is issued with it.",
	})
	expiry.Set(float64(certificate.NotAfter.Unix()))
	if left := time.Until(certificate.NotAfter); left < soon {
		s.Logger.Warn("the certificate is to be renewed", "ends", certificate.NotAfter)
	}
	return s.Registry.Register(expiry)
}
