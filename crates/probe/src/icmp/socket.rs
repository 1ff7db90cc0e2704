//! A socket for echoes: one that needs no rights where the kernel gives it, else a raw one.

use super::packet;
use crate::config::IcmpProbe;
use crate::trial::Failure;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Most bytes of a packet.
const PACKET_BYTES_MAX: usize = 64 << 10;
/// Room for the control messages of one packet.
const CONTROL_BYTES: usize = 128;
const TTL: u32 = 64;

pub(super) struct EchoSocket {
    socket: AsyncFd<Socket>,
    raw: bool,
    v6: bool,
}

impl EchoSocket {
    pub fn open(ip: IpAddr, source: Option<IpAddr>, config: &IcmpProbe) -> Result<EchoSocket, Failure> {
        let v6 = ip.is_ipv6();
        if config.dont_fragment && v6 {
            return Err("dont_fragment needs IPv4: packets of IPv6 are never divided on their way".into());
        }
        let (domain, protocol) = match v6 {
            false => (Domain::IPV4, Protocol::ICMPV4),
            true => (Domain::IPV6, Protocol::ICMPV6),
        };
        let make = |kind: Type| Socket::new(domain, kind.nonblocking().cloexec(), Some(protocol));
        let (socket, raw) = match make(Type::DGRAM) {
            Ok(socket) => (socket, false),
            Err(unprivileged) => match make(Type::RAW) {
                Ok(socket) => (socket, true),
                Err(raw) => return Err(refused(&unprivileged, &raw)),
            },
        };
        let wrong = |e: io::Error| Failure(format!("cannot set up the socket for echoes: {e}"));
        if let Some(source) = source {
            socket.bind(&SockAddr::from(SocketAddr::new(source, 0))).map_err(wrong)?;
        }
        let ttl = config.ttl.map_or(TTL, u32::from);
        if v6 {
            socket.set_unicast_hops_v6(ttl).map_err(wrong)?;
            socket.set_recv_hoplimit_v6(true).map_err(wrong)?;
        } else {
            socket.set_ttl_v4(ttl).map_err(wrong)?;
            switch(&socket, libc::IP_RECVTTL, 1).map_err(wrong)?;
            if config.dont_fragment {
                switch(&socket, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DO).map_err(wrong)?;
            }
        }
        // SAFETY: a `Socket` owns its descriptor, which stays the same and open as long as it lives.
        let socket =
            unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE) };
        let socket = socket.map_err(|e| format!("cannot set up the socket for echoes: {e}"))?;
        Ok(EchoSocket { socket, raw, v6 })
    }

    pub fn kind(&self) -> &'static str {
        if self.raw { "with a raw socket" } else { "with a socket that needs no rights" }
    }

    /// Whether the kernel puts its own id into requests, and hands on only replies to it.
    pub fn kernel_has_id(&self) -> bool {
        !self.raw
    }

    /// The message in what was received: raw sockets of IPv4 give the packet's header, too.
    pub fn icmp_of<'p>(&self, received: &'p [u8]) -> &'p [u8] {
        match self.raw && !self.v6 {
            true => packet::behind_ipv4(received).map_or(&[], |(message, _)| message),
            false => received,
        }
    }

    pub async fn send(&self, bytes: &[u8], to: SocketAddr) -> Result<(), Failure> {
        let to = SockAddr::from(to);
        let send = |s: &Socket| s.send_to(bytes, &to).map(|_| ());
        self.socket.async_io(Interest::WRITABLE, send).await.map_err(|e| Failure(format!("cannot send: {e}")))
    }

    /// What came, from whom, and the hops that it might still have taken.
    pub async fn receive(&self) -> Result<(Vec<u8>, Option<IpAddr>, Option<u8>), Failure> {
        let receive = |s: &Socket| receive(s.as_raw_fd());
        self.socket
            .async_io(Interest::READABLE, receive)
            .await
            .map_err(|e| Failure(format!("cannot receive: {e}")))
    }
}

fn refused(unprivileged: &io::Error, raw: &io::Error) -> Failure {
    Failure(format!(
        "this system allows no echoes: the socket that needs no rights is refused ({unprivileged}), and so is a raw one \
         ({raw}); allow the first with `sysctl net.ipv4.ping_group_range=\"0 2147483647\"`, or give this program \
         the capability CAP_NET_RAW"
    ))
}

/// Sets an option of IPv4 that `socket2` does not know.
fn switch(socket: &Socket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = std::mem::size_of::<libc::c_int>() as libc::socklen_t;
    let pointer: *const libc::c_int = &raw const value;
    // SAFETY: the descriptor is open as long as `socket` lives, and the pointer is to a value of the stated length.
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IP, option, pointer.cast::<libc::c_void>(), length)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Receives one packet with the control messages that tell of its hops.
fn receive(fd: RawFd) -> io::Result<(Vec<u8>, Option<IpAddr>, Option<u8>)> {
    let mut data = vec![0u8; PACKET_BYTES_MAX];
    // Control messages are aligned as their headers are.
    let mut control = [0u64; CONTROL_BYTES / 8];
    let mut piece = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
    let mut hops = None;
    // SAFETY: all of these are plain data, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = CONTROL_BYTES as _;
    // SAFETY: `try_init` gives room for any address and its length; the message points at buffers that outlive the
    // call, with their lengths. The kernel writes no more than these.
    let (received, from) = unsafe {
        SockAddr::try_init(|address, length| {
            message.msg_name = address.cast();
            message.msg_namelen = *length;
            let received = libc::recvmsg(fd, &raw mut message, 0);
            if received < 0 {
                return Err(io::Error::last_os_error());
            }
            *length = message.msg_namelen;
            Ok(received as usize)
        })?
    };
    // SAFETY: the kernel has filled in the control messages and their length; the macros walk within that, and a header
    // that they give lies in the buffer. Its data is read without assuming an alignment.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(&raw const message);
        while !at.is_null() {
            let head = &*at;
            let is_hops = (head.cmsg_level == libc::IPPROTO_IP && head.cmsg_type == libc::IP_TTL)
                || (head.cmsg_level == libc::IPPROTO_IPV6 && head.cmsg_type == libc::IPV6_HOPLIMIT);
            if is_hops {
                let value = libc::CMSG_DATA(at).cast::<libc::c_int>().read_unaligned();
                hops = u8::try_from(value).ok();
            }
            at = libc::CMSG_NXTHDR(&raw const message, at);
        }
    }
    data.truncate(received);
    Ok((data, from.as_socket().map(|a| a.ip()), hops))
}
