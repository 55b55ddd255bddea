"""Stand-ins for what a wallet integration talks to: Apple's push service, Google's Wallet API, mail servers, phones.

    authority   issues certificates of the form of Apple's, and those of servers on this host
    pkpass      reads a card as a phone does, or says why no phone takes it; cms verifies its signature
    apns        Apple's push service: HTTP/2, TLS, the certificate of a pass type
    iphone      a phone with Apple Wallet: installs, registers, is woken, asks, fetches, verifies
    google      Google's token endpoint, Wallet API and callbacks
    android     a phone with Google Wallet: opens save links, shows what Google has
    smtp        a mail server

They speak the real protocols over real sockets and TLS, and refuse what the real ones refuse; and they can be told to
fail as the real ones do. Nothing in them knows Fealty: docs/walletkit.md says how to test other things with them.
"""
