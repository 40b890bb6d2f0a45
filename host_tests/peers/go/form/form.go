// Package form is what the peers in Go have in common: the arguments, commands and events of
// ../README.md. It knows no WebSocket library.
package form

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// MaxMessage is the size of the largest message that a peer accepts.
const MaxMessage = 2 << 20

// Unfinished begins the message that the command "fragment" leaves unfinished.
const Unfinished = "unfinished"

// NoCode stands for a Close without a code, as in RFC 6455, section 7.1.5.
const NoCode = 1005

// Arguments of a peer program.
type Arguments struct {
	Server              bool
	URL                 string // a client's
	Port                int    // a server's, as are the following
	Host, CertFile, Key string
	CAFile              string
}

// ParseArguments takes what follows the program's own flags.
func ParseArguments(words []string) Arguments {
	var a Arguments
	flags := flag.NewFlagSet(os.Args[0], flag.ExitOnError)
	flags.StringVar(&a.CAFile, "ca", "", "a client's: the authority's certificate")
	flags.StringVar(&a.CertFile, "cert", "", "a server's certificate")
	flags.StringVar(&a.Key, "key", "", "the key of the certificate")
	flags.StringVar(&a.Host, "host", "127.0.0.1", "where a server listens")
	if len(words) < 2 {
		Fail("usage: client URL [--ca FILE] | server PORT [--cert FILE --key FILE] [--host ADDRESS]")
	}
	_ = flags.Parse(words[2:]) // ends the process itself
	switch words[0] {
	case "client":
		a.URL = words[1]
	case "server":
		port, err := strconv.Atoi(words[1])
		if err != nil {
			Fail("PORT: " + err.Error())
		}
		a.Server, a.Port = true, port
	default:
		Fail("neither client nor server: " + words[0])
	}
	return a
}

// Fail ends the process: it was not used as its form says.
func Fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(2)
}

// Connection is a library's, open.
type Connection interface {
	Send(text []byte) error
	Fragment() error
	// Close may return before the closing handshake is done.
	Close(code int, reason string)
	Drop()
}

// Events tells what happens. Its methods may be called from any goroutine.
type Events struct {
	mutex    sync.Mutex
	opened   atomic.Bool
	closed   bool
	received int
	highest  int
	sent     int
}

func (e *Events) tell(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		Fail(err.Error())
	}
	fmt.Printf("%s\n", line)
}

// Listening is for a server.
func (e *Events) Listening(port int) {
	e.tell(struct {
		Event string `json:"event"`
		Port  int    `json:"port"`
	}{"listening", port})
}

// Open is for the end of the opening handshake.
func (e *Events) Open() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.opened.Store(true)
	e.tell(struct {
		Event string `json:"event"`
	}{"open"})
}

// Received counts a message.
func (e *Events) Received(text []byte) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.received++
	digits, _, _ := bytes.Cut(text, []byte(" "))
	if number, err := strconv.Atoi(string(digits)); err == nil {
		e.highest = max(e.highest, number)
	}
	e.tell(struct {
		Event string `json:"event"`
		Count int    `json:"count"`
	}{"received", e.received})
}

// Ended is how the library says that a connection has ended; nil where it says nothing.
type Ended struct {
	Code   *int
	Reason *string
	Clean  *bool
	Error  error
}

// Closed is told once: the first one counts.
func (e *Events) Closed(ended Ended) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.closed {
		return
	}
	e.closed = true
	var text *string
	if ended.Error != nil {
		words := ended.Error.Error()
		text = &words
	}
	e.tell(struct {
		Event    string  `json:"event"`
		Code     *int    `json:"code"`
		Reason   *string `json:"reason"`
		Clean    *bool   `json:"clean"`
		Received int     `json:"received"`
		Lost     int     `json:"lost"`
		Sent     int     `json:"sent"`
		Error    *string `json:"error"`
	}{
		"closed", ended.Code, ended.Reason, ended.Clean, e.received,
		max(0, e.highest-e.received), e.sent, text,
	})
}

// Obey carries out the commands for what comes out of `open`, which may take its time: only "quit"
// is heeded meanwhile. It returns when the process is to end.
func (e *Events) Obey(open <-chan Connection) {
	commands := make(chan string, 1000)
	go func() {
		for scanner := bufio.NewScanner(os.Stdin); scanner.Scan(); {
			commands <- scanner.Text()
			if scanner.Text() == "quit" {
				break
			}
		}
		if !e.opened.Load() {
			os.Exit(0)
		}
		close(commands)
	}()
	connection := <-open
	for command := range commands {
		e.act(connection, command)
	}
}

func (e *Events) act(connection Connection, command string) {
	words := strings.SplitN(command, " ", 3)
	switch words[0] {
	case "send":
		if len(words) == 3 {
			e.send(connection, number(words[1]), number(words[2]))
		}
	case "fragment":
		if err := connection.Fragment(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	case "close":
		code, reason := NoCode, ""
		if len(words) > 1 {
			code = number(words[1])
		}
		if len(words) > 2 {
			reason = words[2]
		}
		connection.Close(code, reason)
	case "drop":
		connection.Drop()
	case "quit":
	default:
		fmt.Fprintln(os.Stderr, "unknown command:", command)
	}
}

func (e *Events) send(connection Connection, count, size int) {
	for range count {
		e.mutex.Lock()
		head := fmt.Sprintf("%d ", e.sent+1)
		e.mutex.Unlock()
		text := head + strings.Repeat("x", max(0, size-len(head)))
		if err := connection.Send([]byte(text)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		e.mutex.Lock()
		e.sent++
		e.mutex.Unlock()
	}
}

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		Fail(err.Error())
	}
	return value
}
