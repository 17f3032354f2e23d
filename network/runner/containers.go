// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
)

const (
	// insideDir is where a container finds its process' folder.
	insideDir = "/ecoupon"
	// insideUser runs the processes where the runner's own user is root.
	insideUser = 65532
	// containersFile, in the state directory, holds what docker-compose.yaml
	// leaves open.
	containersFile = "containers.env"
)

// errContainers refuses what only who runs the containers can do.
var errContainers = errors.New("the processes of this network run in containers: prepare, start them with docker-compose, define")

// seen is the name that a process itself has for its folder.
func (n *Network) seen(dir string) string {
	if n.consortium.Containers {
		return insideDir
	}
	return dir
}

// Prepare writes all that the processes of a network in containers need, a
// folder for each, and starts nothing. A folder is to be mounted into its own
// container at /ecoupon: nothing in it changes but its data directory. What
// docker-compose.yaml leaves open is in containers.env in the state directory.
func (n *Network) Prepare(ctx context.Context) error {
	if !n.consortium.Containers {
		return errors.New("the consortium file does not say that processes run in containers")
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return n.take("prepared",
		n.programs(ctx, len(n.consortium.Institutes) > 0),
		step{"identities", func() error { return n.prepare(ctx) }},
		step{"channel", func() error { return n.makeGenesis(ctx) }},
		step{"institutes", func() error { return n.equipInstitutes(ctx) }},
		step{"settings", n.equip},
	)
}

// equip completes the folders of all processes and gives them to the user
// that processes run as.
func (n *Network) equip() error {
	user, group := os.Getuid(), os.Getgid()
	if user == 0 {
		user, group = insideUser, insideUser
	}
	var folders []string
	for _, o := range n.consortium.Organisations {
		if err := n.equipPeer(o, kindPeer); err != nil {
			return err
		}
		if o.HasOrderer() {
			if err := n.equipOrderer(o); err != nil {
				return err
			}
		}
		folders = append(folders, n.processFolders(o)...)
	}
	for _, x := range n.consortium.Institutes {
		folders = append(folders, n.state.institute(x.Name))
	}
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(folder, "data"), 0o700); err != nil {
			return fmt.Errorf("making a data directory: %w", err)
		}
		if err := give(folder, user, group); err != nil {
			return fmt.Errorf("giving %s to the processes' user: %w", folder, err)
		}
	}
	return n.writeContainersFile(user, group)
}

func (n *Network) processFolders(o Organisation) []string {
	folders := []string{n.Folder(o.Name, kindPeer), n.Folder(o.Name, kindChaincode)}
	if o.HasOrderer() {
		folders = append(folders, n.Folder(o.Name, kindOrderer))
	}
	for _, role := range o.Roles {
		folders = append(folders, n.Folder(o.Name, "services", role))
	}
	return folders
}

// give hands a folder over. It may be mounted already, so no link in it leads
// elsewhere.
func give(folder string, user, group int) error {
	if os.Getuid() != 0 {
		return nil // all of it is this user's own
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(name, user, group)
	})
}

func (n *Network) writeContainersFile(user, group int) error {
	pkg, err := n.chaincodePackage()
	if err != nil {
		return err
	}
	settings := fmt.Sprintf("COMPOSE_PROJECT_NAME=ecoupon\nECOUPON_STATE=%s\nECOUPON_USER=%d:%d\nECOUPON_CHAINCODE=%s\nECOUPON_LOG_LEVEL=%s\n",
		n.state, user, group, pkg.id, n.consortium.LogLevel)
	if err := writeFile(n.state.path(containersFile), []byte(settings), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", containersFile, err)
	}
	return nil
}

// Define takes the orderers and peers that run in containers into the channel
// and defines the chaincode. When it returns without error the services
// answer and the rules have been seen to hold. It may be called again at any
// time.
func (n *Network) Define(ctx context.Context) error {
	if !n.consortium.Containers {
		return errors.New("up defines the chaincode of this network")
	}
	unlock, err := n.state.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return n.take("defined",
		n.programs(ctx, len(n.consortium.Institutes) > 0),
		step{"peers, orderers", func() error { return n.joinAll(ctx) }},
		step{"chaincode", func() error { return n.define(ctx) }},
		step{"endorsement", func() error { return n.awaitEndorsement(ctx) }},
		step{"services", func() error { return n.awaitServices(ctx) }},
		step{"institutes", func() error { return n.registerInstitutes(ctx) }},
		step{"proof", func() error { return n.Prove(ctx) }},
	)
}

// joinAll takes all orderers and peers into the channel as soon as they serve.
func (n *Network) joinAll(ctx context.Context) error {
	pkg, err := n.chaincodePackage()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, o := range n.consortium.Organisations {
		if o.HasOrderer() {
			g.Go(func() error { return n.joinOrderer(ctx, o) })
		}
		g.Go(func() error {
			if err := n.await(ctx, kindPeer+"."+o.Name, n.accepts(o, kindPeer)); err != nil {
				return err
			}
			return n.enlist(ctx, o, kindPeer, pkg)
		})
	}
	return g.Wait()
}

// awaitServices waits until each service says that it serves.
func (n *Network) awaitServices(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, o := range n.consortium.Organisations {
		for _, role := range o.Roles {
			g.Go(func() error {
				return n.await(ctx, role+"."+o.Name, func(ctx context.Context) error { return n.serves(ctx, o, role, asOperator) })
			})
		}
	}
	return g.Wait()
}

// serves asks a process over gRPC for its health.
func (n *Network) serves(ctx context.Context, o Organisation, kind string, pair [2]string) error {
	conn, err := n.dial(o, kind, pair)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	answer, err := healthv1.NewHealthClient(conn).Check(ctx, &healthv1.HealthCheckRequest{})
	if err == nil && answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		err = fmt.Errorf("%s of %s is %s", kind, o.Name, answer.GetStatus())
	}
	return err
}
