// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"ecoupon/chaincode/coupon"
)

// Institute is a sandbox of a payment institute beside the consortium. It is no
// member: it has an authority, keys and a folder of its own, and no part in the
// channel. Its customers are the retailers and the clearing houses.
type Institute struct {
	// Name is that of its folder, and of its process after "institute.".
	Name string `json:"name"`
	// InvoiceName is what invoices, and the ledger, call it.
	InvoiceName string `json:"invoice_name"`
}

const (
	kindInstitute = "institute"
	// maxInstitutes is how many have ports in the range after the organisations'.
	maxInstitutes = PortsPerOrganisation / 2
	// maxPerMille is a share of all.
	maxPerMille = 1000
)

// The kinds of customers of an institute.
const (
	Merchant = "merchant"
	Enquirer = "enquirer"
)

// errInstitute refuses what only who runs an institute can do.
var errInstitute = errors.New("a payment institute is no member of the consortium: its keys and its store are its own matter")

// checkInstitutes names every field that cannot be.
func (c Consortium) checkInstitutes(fail func(field, format string, a ...any)) {
	if len(c.Institutes) > maxInstitutes {
		fail("institutes", "%d are more than %d", len(c.Institutes), maxInstitutes)
	}
	if c.SamplePerMille < 0 || c.SamplePerMille > maxPerMille {
		fail("sample_per_mille", "%d is not 0 to %d", c.SamplePerMille, maxPerMille)
	}
	if c.SamplePerMille > 0 && len(c.Institutes) == 0 {
		fail("sample_per_mille", "there is no institute to ask")
	}
	names := map[string]bool{}
	for i, x := range c.Institutes {
		if !nameForm.MatchString(x.Name) || names[x.Name] {
			fail(fmt.Sprintf("institutes[%d].name", i), "%q is given twice or is not lower-case letters, digits and hyphens, at most 31", x.Name)
		}
		if err := coupon.CheckID("invoice_name", x.InvoiceName); err != nil || names["called "+x.InvoiceName] {
			fail(fmt.Sprintf("institutes[%d].invoice_name", i), "%q is given twice or is not 1 to 64 printable ASCII characters", x.InvoiceName)
		}
		names[x.Name], names["called "+x.InvoiceName] = true, true
	}
}

// institutePort is the first of the two ports of an institute.
func (c Consortium) institutePort(x Institute) int {
	port := c.PortBase + c.memberPorts()
	for _, other := range c.Institutes {
		if other.Name == x.Name {
			break
		}
		port += 2
	}
	return port
}

// instituteAddress is where its customers call it.
func (c Consortium) instituteAddress(x Institute) Address {
	port := strconv.Itoa(c.institutePort(x))
	advertise := c.AdvertiseHost
	if c.Containers {
		advertise = kindInstitute + "." + x.Name
	}
	return Address{Listen: net.JoinHostPort(c.ListenHost, port), Advertise: net.JoinHostPort(advertise, port)}
}

// instituteDebug is where it answers /healthz and /metrics.
func (c Consortium) instituteDebug(x Institute) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.institutePort(x)+1))
}

func (s state) institute(name string) string { return s.path("institutes", name) }

// institute describes the process.
func (n *Network) institute(x Institute) process {
	address, debug := n.consortium.instituteAddress(x), n.consortium.instituteDebug(x)
	return process{
		name: kindInstitute + "." + x.Name, address: address, dir: n.state.institute(x.Name), ready: healthy(debug),
		command: []string{n.binaries.own(kindInstitute), "serve", "--dir", ".", "--listen", address.Listen, "--debug-listen", debug},
	}
}

// startInstitutes has the institutes run, and the clearing houses ask them.
func (n *Network) startInstitutes(ctx context.Context) error {
	if err := n.equipInstitutes(ctx); err != nil {
		return err
	}
	for _, x := range n.consortium.Institutes {
		if err := n.ensure(ctx, n.institute(x)); err != nil {
			return err
		}
	}
	return n.registerInstitutes(ctx)
}

// equipInstitutes makes the institutes' folders, gives their customers
// credentials, and tells the clearing houses' services whom to ask.
func (n *Network) equipInstitutes(ctx context.Context) error {
	for _, x := range n.consortium.Institutes {
		if err := n.setUpInstitute(ctx, x); err != nil {
			return fmt.Errorf("setting up the institute %s: %w", x.Name, err)
		}
	}
	if len(n.consortium.Institutes) == 0 {
		return nil
	}
	for _, o := range n.with(Clearing) {
		if err := n.writeSampling(n.Folder(o.Name, "services", Clearing, "institutes.json")); err != nil {
			return fmt.Errorf("telling %s whom to ask: %w", o.Name, err)
		}
	}
	return nil
}

// writeSampling leaves a file that is there to who runs the service.
func (n *Network) writeSampling(file string) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	content := struct {
		PerMille int      `json:"sample_per_mille"`
		Folders  []string `json:"folders"`
	}{PerMille: n.consortium.SamplePerMille}
	for _, x := range n.consortium.Institutes {
		content.Folders = append(content.Folders, "institutes/"+x.Name)
	}
	data, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(file, append(data, '\n'), 0o644)
}

// setUpInstitute makes an institute, and credentials for customers without.
func (n *Network) setUpInstitute(ctx context.Context, x Institute) error {
	folder := n.state.institute(x.Name)
	arguments := []string{"set-up", "--dir", folder, "--name", x.InvoiceName, "--address", n.consortium.instituteAddress(x).Advertise}
	var lacking []customer
	for _, c := range n.customers(x) {
		if !c.served() {
			lacking = append(lacking, c)
			arguments = append(arguments, "--"+c.kind, c.mspID)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "institute.json")); err == nil && len(lacking) == 0 {
		return nil
	}
	if _, err := n.run(ctx, kindInstitute, arguments...); err != nil {
		return err
	}
	for _, c := range lacking {
		if err := c.receive(folder); err != nil {
			return fmt.Errorf("giving %s its credentials: %w", c.mspID, err)
		}
	}
	return nil
}

// run runs one of the project's own programs and returns what it printed.
func (n *Network) run(ctx context.Context, program string, arguments ...string) ([]byte, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, n.binaries.own(program), arguments...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, arguments[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}
