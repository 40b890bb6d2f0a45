// A peer around coder/websocket: see ../../README.md for its form.
package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"signalbox/peers/form"
)

const pongWait = 5 * time.Second

func main() {
	arguments := form.ParseArguments(os.Args[1:])
	events := &form.Events{}
	open := make(chan form.Connection, 1)
	begin := func(conn *websocket.Conn) {
		conn.SetReadLimit(form.MaxMessage)
		c := &connection{conn: conn, result: make(chan error, 1)}
		events.Open()
		open <- c
		go c.read(events)
	}
	if arguments.Server {
		go events.Serve(arguments, func(response http.ResponseWriter, request *http.Request) {
			if conn, err := websocket.Accept(response, request, nil); err != nil {
				events.Closed(form.Ended{Error: err})
			} else {
				begin(conn)
			}
		})
	} else {
		go func() {
			transport := &http.Transport{TLSClientConfig: arguments.ClientTLS()}
			options := &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}}
			conn, _, err := websocket.Dial(context.Background(), arguments.URL, options)
			if err != nil {
				events.Closed(form.Ended{Error: err})
			} else {
				begin(conn)
			}
		}()
	}
	events.Obey(open)
}

type connection struct {
	conn    *websocket.Conn
	closing atomic.Bool
	result  chan error // what Close() returned
}

func (c *connection) Send(text []byte) error {
	return c.conn.Write(context.Background(), websocket.MessageText, text)
}

// Fragment has a Ping follow the fragment, because the library leaves a frame without FIN in its
// buffer, and a control frame is what empties it.
func (c *connection) Fragment() error {
	writer, err := c.conn.Writer(context.Background(), websocket.MessageText)
	if err != nil {
		return err
	}
	if _, err = writer.Write([]byte(form.Unfinished)); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(context.Background(), pongWait)
	defer cancel()
	return c.conn.Ping(patience)
}

// Close does not wait for the library's Close, which returns when the peer's has come, or after
// 5 s.
func (c *connection) Close(code int, reason string) {
	if c.closing.CompareAndSwap(false, true) {
		go func() { c.result <- c.conn.Close(websocket.StatusCode(code), reason) }()
	}
}

func (c *connection) Drop() {
	_ = c.conn.CloseNow()
}

// read goes on while Close() waits: each of them reads what it gets hold of, and what Close()
// reads is discarded, as its documentation says.
func (c *connection) read(events *form.Events) {
	for {
		_, text, err := c.conn.Read(context.Background())
		if err != nil {
			c.end(events, err)
			return
		}
		events.Received(text)
	}
}

func (c *connection) end(events *form.Events, err error) {
	ended := form.Ended{Error: err}
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		code := int(closed.Code)
		ended.Code, ended.Reason = &code, &closed.Reason
		ended.Error = nil // it is the peer's Close
	}
	if c.closing.Load() {
		result := <-c.result
		clean := result == nil
		ended.Clean = &clean
		ended.Error = result
	}
	events.Closed(ended)
}
