// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	// ample is the room on a small disk that is not full, scant that on one that
	// is: some processes notice at once, others after a few blocks.
	ample = 1 << 30
	scant = 4 << 10
)

// disk is a small file system in memory in the place of a process' data. The
// process does not run while it is put there or taken away.
type disk struct{ data string }

// aside is where the data is while the disk is in its place.
func (d disk) aside() string { return d.data + ".aside" }

// mount puts the disk in place, with a copy of the data on it. The system
// allows that to root alone.
func mount(data string) (disk, error) {
	d := disk{data}
	used, err := sizeOf(data)
	if err != nil {
		return d, err
	}
	if err := os.Rename(data, d.aside()); err != nil {
		return d, err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return d, errors.Join(err, os.Rename(d.aside(), data))
	}
	if err := unix.Mount("none", data, "tmpfs", 0, options(used+ample)); err != nil {
		return d, errors.Join(fmt.Errorf("a small disk at %s: %w", data, err), os.Remove(data), os.Rename(d.aside(), data))
	}
	return d, os.CopyFS(data, os.DirFS(d.aside()))
}

// resize leaves so much room on the disk.
func (d disk) resize(room int64) error {
	var is unix.Statfs_t
	if err := unix.Statfs(d.data, &is); err != nil {
		return fmt.Errorf("looking at the small disk at %s: %w", d.data, err)
	}
	used := int64(is.Blocks-is.Bfree) * is.Bsize
	if err := unix.Mount("none", d.data, "tmpfs", unix.MS_REMOUNT, options(used+room)); err != nil {
		return fmt.Errorf("resizing the small disk at %s: %w", d.data, err)
	}
	return nil
}

// unmount takes the disk away and leaves what is on it in its place.
func (d disk) unmount() error {
	if err := os.RemoveAll(d.aside()); err != nil {
		return err
	}
	if err := os.CopyFS(d.aside(), os.DirFS(d.data)); err != nil {
		return err
	}
	if err := d.drop(); err != nil {
		return err
	}
	if err := os.Remove(d.data); err != nil {
		return err
	}
	return os.Rename(d.aside(), d.data)
}

// drop takes the disk away with what is on it.
func (d disk) drop() error {
	if err := unix.Unmount(d.data, 0); err != nil {
		return fmt.Errorf("taking the small disk at %s away: %w", d.data, err)
	}
	return nil
}

func options(size int64) string { return fmt.Sprintf("mode=0700,size=%d", size) }

// sizeOf adds up the files of a folder. What vanishes meanwhile is not counted.
func sizeOf(folder string) (int64, error) {
	total := int64(0)
	err := filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measuring %s: %w", folder, err)
	}
	return total, nil
}
