// steps.go: the steps that the clients here are taken through, and their count. Copied beside the main.go of each.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"time"
)

var (
	background     = context.Background()
	passed, failed int
)

// step is one step: its answer, or its error, must be the expected one.
func step(name string, expected any, answer func() (any, error)) {
	found := answered(answer)
	if reflect.DeepEqual(expected, found) {
		passed++
		return
	}
	failed++
	fmt.Printf("FAIL %s: expected %#v, got %#v\n", name, expected, found)
}

// becomes is the same for what becomes true within ten seconds.
func becomes(name string, expected any, look func() (any, error)) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if reflect.DeepEqual(expected, answered(look)) {
			break
		}
	}
	step(name, expected, look)
}

func answered(answer func() (any, error)) any {
	found, err := answer()
	if err != nil {
		return err.Error()
	}
	return found
}

// finish tells the count and ends the program.
func finish() {
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
