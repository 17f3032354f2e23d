// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// imagePrefix comes before a program's name in that of its image.
const imagePrefix = "ecoupon/"

// maxServices is what the services' images may take together, in bytes.
const maxServices = 150_000_000

// linked leaves out what only a debugger needs.
const linked = "-ldflags=-s -w"

// BuildImages builds an image for each program, of static programs and nothing
// else, with the engine that docker speaks to; and lists their sizes.
func BuildImages(ctx context.Context, out io.Writer) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	fabric, err := buildFabric(ctx, root, out)
	if err != nil {
		return err
	}
	unlock, err := lockFile(ctx, filepath.Join(root, ".cache", "images", "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	dir := filepath.Join(root, ".cache", "images", "programs") + string(filepath.Separator)
	for _, b := range []struct {
		module   string
		packages []string
	}{
		{"chaincode", []string{"."}},
		{"network", []string{"./healthcheck"}},
		{"services", []string{"./cmd/issuer", "./cmd/advertiser", "./cmd/retailer", "./cmd/clearing", "./cmd/institute"}},
	} {
		args := append([]string{"-trimpath", linked, "-o", dir}, b.packages...)
		if err := goBuild(ctx, filepath.Join(root, b.module), out, args...); err != nil {
			return err
		}
	}
	programs := []string{filepath.Join(fabric, "peer"), filepath.Join(fabric, "orderer"), filepath.Join(dir, kindChaincode)}
	for _, role := range roles {
		programs = append(programs, filepath.Join(dir, role))
	}
	programs = append(programs, filepath.Join(dir, kindInstitute))
	for _, program := range programs {
		if err := buildImage(ctx, root, program, filepath.Join(dir, "healthcheck")); err != nil {
			return err
		}
	}
	return listImages(ctx, out, programs)
}

// buildImage builds the image of one program.
func buildImage(ctx context.Context, root, program, healthcheck string) error {
	name := filepath.Base(program)
	layers := filepath.Join(root, ".cache", "images", name)
	if err := os.RemoveAll(layers); err != nil {
		return fmt.Errorf("building the image of %s: %w", name, err)
	}
	for dir, mode := range map[string]fs.FileMode{"bin": 0o755, "tmp": fs.ModeSticky | 0o777} {
		dir = filepath.Join(layers, "root", dir)
		err := os.MkdirAll(dir, 0o755) //nolint:gosec // the image's user must enter
		if err == nil {
			err = os.Chmod(dir, mode)
		}
		if err != nil {
			return fmt.Errorf("building the image of %s: %w", name, err)
		}
	}
	for _, file := range []string{program, healthcheck} {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("building the image of %s: %w", name, err)
		}
		to := filepath.Join(layers, "root", "bin", filepath.Base(file))
		if err := os.WriteFile(to, data, 0o755); err != nil { //nolint:gosec // the image's user must run it
			return fmt.Errorf("building the image of %s: %w", name, err)
		}
	}
	_, err := docker(ctx, "build", "-q", "-t", imagePrefix+name, "-f", filepath.Join(root, "network", "images", "Dockerfile"), layers)
	return err
}

// listImages prints the images' sizes; the services' together are bounded.
func listImages(ctx context.Context, out io.Writer, programs []string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	services := 0
	for _, program := range programs {
		name := filepath.Base(program)
		text, err := docker(ctx, "image", "inspect", "-f", "{{.Size}}", imagePrefix+name)
		if err != nil {
			return err
		}
		size, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("reading the size of an image: %w", err)
		}
		if slices.Contains(roles, name) {
			services += size
		}
		fmt.Fprintf(w, "%s\t%.1f MB\t\n", imagePrefix+name, float64(size)/1e6)
	}
	fmt.Fprintf(w, "the %d services together\t%.1f MB\t\n", len(roles), float64(services)/1e6)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("listing images: %w", err)
	}
	if services > maxServices {
		return fmt.Errorf("the services' images take %d bytes, more than %d", services, maxServices)
	}
	return nil
}

// docker runs the engine's command and returns what it printed.
func docker(ctx context.Context, args ...string) (string, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w\n%s", args[0], err, said.Bytes())
	}
	return out.String(), nil
}
