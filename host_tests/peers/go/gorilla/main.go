// A peer around gorilla/websocket: see ../../README.md for its form.
//
// The library has no function that closes. Two are in use, both called TryCloseNormally:
//
//	gorilla client URL ...               writes Close, reads until an error, closes TCP
//	gorilla --read-once client URL ...   writes Close, reads once, closes TCP
package main

import (
	"bytes"
	"errors"
	"flag"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"signalbox/peers/form"
)

const (
	writeWait = time.Second      // for the lock on writing, as in the library's examples
	closeWait = 10 * time.Second // for the peer's Close
)

var errNoClose = errors.New("TryCloseNormally: what was read is not the peer's normal Close")

func main() {
	readOnce := flag.Bool("read-once", false, "after Close, take the first read for the answer")
	flag.Parse()
	arguments := form.ParseArguments(flag.Args())
	events := &form.Events{}
	open := make(chan form.Connection, 1)
	begin := func(conn *websocket.Conn) {
		c := &connection{conn: conn, readOnce: *readOnce}
		events.Open()
		open <- c
		go c.read(events)
	}
	if arguments.Server {
		go events.Serve(arguments, func(response http.ResponseWriter, request *http.Request) {
			upgrader := websocket.Upgrader{}
			if conn, err := upgrader.Upgrade(response, request, nil); err != nil {
				events.Closed(form.Ended{Error: err})
			} else {
				begin(conn)
			}
		})
	} else {
		go func() {
			dialer := websocket.Dialer{TLSClientConfig: arguments.ClientTLS()}
			if conn, _, err := dialer.Dial(arguments.URL, nil); err != nil {
				events.Closed(form.Ended{Error: err})
			} else {
				begin(conn)
			}
		}()
	}
	events.Obey(open)
}

type connection struct {
	conn     *websocket.Conn
	readOnce bool
	closing  atomic.Pointer[int] // the code of our Close
}

func (c *connection) Send(text []byte) error {
	return c.conn.WriteMessage(websocket.TextMessage, text)
}

// Fragment fills the library's buffer and one octet more, because it writes a frame without FIN
// only when the buffer is full.
func (c *connection) Fragment() error {
	const buffer = 4096
	writer, err := c.conn.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	text := append([]byte(form.Unfinished), bytes.Repeat([]byte("x"), buffer)...)
	_, err = writer.Write(text[:buffer+1])
	return err
}

// Close is the first half of TryCloseNormally; the second is in read().
func (c *connection) Close(code int, reason string) {
	c.closing.Store(&code)
	message := websocket.FormatCloseMessage(code, reason)
	_ = c.conn.SetReadDeadline(time.Now().Add(closeWait))
	// If it can't be written, reading fails as well.
	_ = c.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(writeWait))
}

func (c *connection) Drop() {
	_ = c.conn.Close() // its documentation: "without sending or waiting for a close message"
}

func (c *connection) read(events *form.Events) {
	_, text, err := c.conn.ReadMessage()
	for ; err == nil; _, text, err = c.conn.ReadMessage() {
		events.Received(text)
		if c.readOnce && c.closing.Load() != nil {
			err = errNoClose
			break
		}
	}
	_ = c.conn.Close()
	ended := form.Ended{Error: err}
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		ended.Code, ended.Reason = &closed.Code, &closed.Text
		if closed.Code != websocket.CloseAbnormalClosure {
			ended.Error = nil // it is the peer's Close
		}
	}
	if code := c.closing.Load(); code != nil {
		normally := websocket.IsCloseError(err, *code)
		ended.Clean = &normally
		if !normally {
			ended.Error = err
		}
	}
	events.Closed(ended)
}
