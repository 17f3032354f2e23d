// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	fabricVersion = "3.1.1"
	fabricModule  = "github.com/hyperledger/fabric"
)

// buildEnvironment makes programs that need no library of their system, so that
// the same run in containers with nothing else in them.
const buildEnvironment = "CGO_ENABLED=0"

// fabricTools are the programs of Fabric that a network runs.
var fabricTools = []string{"configtxgen", "orderer", "peer"}

// binaries says where the programs are.
type binaries struct {
	root   string // of the project
	fabric string // directory with Fabric's tools
	bin    string // directory with the project's own
}

func (b binaries) tool(name string) string { return filepath.Join(b.fabric, name) }
func (b binaries) own(name string) string  { return filepath.Join(b.bin, name) }

// hasService reports whether there is a service for the role.
func (b binaries) hasService(role string) bool {
	_, err := os.Stat(filepath.Join(b.root, "services", "cmd", role, "main.go"))
	return err == nil
}

// findRoot returns the project's directory: one above the working directory
// or above the running program.
func findRoot() (string, error) {
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	for _, dir := range starts {
		for ; ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "network", "fabric", "go.mod")); err == nil {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errors.New("the project's sources are neither above the working directory nor above this program")
}

// BuildFabric builds Fabric's programs unless they have been built from the
// same pins before. It returns the directory they are in.
func BuildFabric(ctx context.Context, out io.Writer) (string, error) {
	root, err := findRoot()
	if err != nil {
		return "", err
	}
	return buildFabric(ctx, root, out)
}

func buildFabric(ctx context.Context, root string, out io.Writer) (string, error) {
	module := filepath.Join(root, "network", "fabric")
	pins, err := pinsOf(module)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "fabric", fabricVersion+"-"+pins)
	if haveTools(dir) {
		return dir, nil
	}
	unlock, err := lockFile(ctx, filepath.Join(root, ".cache", "fabric", "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if haveTools(dir) {
		return dir, nil
	}
	began := time.Now()
	fmt.Fprintf(out, "building Fabric %s, once: about a minute, and the download before it\n", fabricVersion)
	part := dir + ".part"
	if err := os.MkdirAll(part, 0o750); err != nil {
		return "", fmt.Errorf("building Fabric: %w", err)
	}
	modfile, err := patched(ctx, module, part, patches)
	if err != nil {
		return "", err
	}
	for _, tool := range fabricTools {
		step := time.Now()
		err := goBuild(ctx, module, out, "-trimpath", "-modfile", modfile,
			"-ldflags", "-s -w -X "+fabricModule+"/common/metadata.Version=v"+fabricVersion,
			"-o", filepath.Join(part, tool), fabricModule+"/cmd/"+tool)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(out, "  %-12s %s\n", tool, time.Since(step).Round(100*time.Millisecond))
	}
	if err := os.Rename(part, dir); err != nil {
		return "", fmt.Errorf("building Fabric: %w", err)
	}
	fmt.Fprintf(out, "built Fabric in %s\n", time.Since(began).Round(time.Second))
	return dir, nil
}

// pinsOf names the exact versions that the module asks for, and how they are built.
func pinsOf(module string) (string, error) {
	h := sha256.New()
	h.Write([]byte(buildEnvironment))
	for _, p := range patches {
		for _, e := range p.edits {
			h.Write([]byte(e.new))
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", fmt.Errorf("reading Fabric's pins: %w", err)
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}

func haveTools(dir string) bool {
	for _, tool := range fabricTools {
		if _, err := os.Stat(filepath.Join(dir, tool)); err != nil {
			return false
		}
	}
	return true
}

// programs builds what is missing, with the services or without them.
func (n *Network) programs(ctx context.Context, services bool) step {
	return step{"programs", func() (err error) {
		n.binaries, err = build(ctx, n.out, services)
		return err
	}}
}

// build makes sure that all programs of a network are there and current.
func build(ctx context.Context, out io.Writer, services bool) (binaries, error) {
	root, err := findRoot()
	if err != nil {
		return binaries{}, err
	}
	b := binaries{root: root, bin: filepath.Join(root, "bin")}
	if b.fabric, err = buildFabric(ctx, root, out); err != nil {
		return b, err
	}
	unlock, err := lockFile(ctx, filepath.Join(root, ".cache", "build.lock"))
	if err != nil {
		return b, err
	}
	defer unlock()
	if err := goBuild(ctx, filepath.Join(root, "chaincode"), out, "-o", b.own(kindChaincode), "."); err != nil {
		return b, err
	}
	if err := goBuild(ctx, filepath.Join(root, "network"), out, "-o", b.own("builder"), "./builder"); err != nil {
		return b, err
	}
	commands, err := filepath.Glob(filepath.Join(root, "services", "cmd", "*", "main.go"))
	if err != nil || len(commands) == 0 || !services {
		return b, err
	}
	return b, goBuild(ctx, filepath.Join(root, "services"), out, "-o", b.bin+string(filepath.Separator), "./cmd/...")
}

// goBuild runs the Go tool in a module, by itself and not as part of the
// workspace, so that what runs is what the module's own pins say.
func goBuild(ctx context.Context, module string, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build"}, args...)...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", buildEnvironment)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, io.MultiWriter(&said, downloads{out})
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build in %s: %w\n%s", module, err, said.Bytes())
	}
	return nil
}

// downloads passes on what the Go tool says of downloads, so that a first
// build is seen to go on.
type downloads struct{ out io.Writer }

func (d downloads) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if bytes.HasPrefix(line, []byte("go: downloading")) {
			fmt.Fprintf(d.out, "  %s\n", bytes.TrimSpace(line))
		}
	}
	return len(p), nil
}

// lockFile waits until no other runner holds the lock.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return nil, fmt.Errorf("locking %s: %w", name, err)
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", name, err)
	}
	err = until(ctx, func(context.Context) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", name, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
