"""Joins the Wi-Fi; what is printed is the address."""

import time

import network


def join(ssid):
    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    wlan.connect(ssid, "password")
    while not wlan.isconnected():
        time.sleep_ms(10)
    print("joined", wlan.ipconfig("addr4")[0])
