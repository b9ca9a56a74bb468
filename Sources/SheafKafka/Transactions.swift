import CLibrdkafka

/// Why a transactional call did not succeed, and what is left to do.
public struct TransactionError: Error, Sendable, CustomStringConvertible {
  public var error: KafkaError
  /// The same call may be made again.
  public var isRetriable: Bool
  /// The transaction has to be aborted; another may be begun.
  public var requiresAbort: Bool

  public var isFatal: Bool { error.isFatal }
  public var description: String { error.description }

  /// Takes over what a call answered; nil: success.
  fileprivate init?(_ raw: OpaquePointer?) {
    guard let raw else { return nil }
    error = KafkaError(rd_kafka_error_code(raw), String(cString: rd_kafka_error_string(raw)))
    error.isFatal = rd_kafka_error_is_fatal(raw) != 0
    isRetriable = rd_kafka_error_is_retriable(raw) != 0
    requiresAbort = rd_kafka_error_txn_requires_abort(raw) != 0
    rd_kafka_error_destroy(raw)
  }
}

/// A consumer's membership of its group at one moment: brokers refuse a transaction's offsets where the group has moved on.
public final class GroupMetadata: @unchecked Sendable {  // Never changes.
  fileprivate let raw: OpaquePointer
  init(_ raw: OpaquePointer) { self.raw = raw }
  deinit { rd_kafka_consumer_group_metadata_destroy(raw) }
}

extension Consumer {
  /// The membership as it is now. May be called from any thread.
  public func groupMetadata() -> GroupMetadata? { rd_kafka_consumer_group_metadata(client).map(GroupMetadata.init) }
}

/// The transactional calls; all block, and belong to one thread. Delivery reports have to be served by another meanwhile.
extension Producer {
  /// Once, before the first transaction: ends what an earlier producer of the same transactional.id left open, and fences it.
  public func initTransactions(timeout: Int32) throws(TransactionError) { try transact(rd_kafka_init_transactions(client, timeout)) }

  public func beginTransaction() throws(TransactionError) { try transact(rd_kafka_begin_transaction(client)) }

  /// Puts offsets of a consumer's group into the open transaction.
  public func sendOffsets(_ offsets: [PartitionOffset], of group: GroupMetadata, timeout: Int32) throws(TransactionError) {
    let list = PartitionList(offsets)
    try transact(rd_kafka_send_offsets_to_transaction(client, list.raw, group.raw, timeout))
  }

  /// Waits until all messages of the transaction are delivered, and commits it; at most the rest of transaction.timeout.ms.
  public func commitTransaction() throws(TransactionError) { try transact(rd_kafka_commit_transaction(client, -1)) }

  /// Gives up what is undelivered, and aborts.
  public func abortTransaction() throws(TransactionError) { try transact(rd_kafka_abort_transaction(client, -1)) }

  private func transact(_ raw: OpaquePointer?) throws(TransactionError) {
    if let error = TransactionError(raw) { throw error }
  }
}
