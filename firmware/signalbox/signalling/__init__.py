"""GStreamer's WebRTC signalling (gst-plugins-rs, net/webrtc/protocol), sans-IO."""
