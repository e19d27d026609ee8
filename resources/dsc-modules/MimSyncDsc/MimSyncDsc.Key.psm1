# The encryption keys of the service: their export, and the activation of those of an existing database.
# Errors begin with MimSync.<Code>: only their text gets through the LCM.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Prerequisite', 'Order') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory $PSScriptRoot -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

$script:RecordPath = 'SOFTWARE\mimc\MimSyncDsc'
$script:ExportTimeoutSeconds = 120
# It works on the database; to end it in the middle of that would be worse than to wait.
$script:ActivationTimeoutSeconds = 900

function Initialize-Key {
    <#
    .SYNOPSIS
    What a new product's keys need: those of an existing database are activated, then all are exported.
    .DESCRIPTION
    Always exported: a file of that name from earlier holds the keys of another database.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    .PARAMETER State
    The state of the node.
    #>
    param([hashtable] $Parameter, [System.Collections.IDictionary] $State)
    if ($State['facts']['Unfinished'] -eq 'activation') { Enable-Key -Parameter $Parameter -InstallPath $State['facts']['InstallPath'] }
    if ($Parameter['KeyBackupPath']) { Export-Key -Parameter $Parameter -InstallPath $State['facts']['InstallPath'] }
}

function Export-Key {
    <# .SYNOPSIS
    Export the encryption keys and record what was exported. What was there stays beside it, under a name of its own. #>
    param([hashtable] $Parameter, [string] $InstallPath)
    Write-Step -Message $script:Text.StepExportKeys
    $path = [string] $Parameter['KeyBackupPath']
    if ($path -eq $Parameter['ExistingKeyPath']) { throw $script:Text.ExistingKeyIsBackup -f $path }
    $tool = Get-Program -InstallPath $InstallPath -Name 'miiskmu.exe'
    $user = Get-ServiceUser -Parameter $Parameter
    $fresh = New-KeyFile
    try {
        $code = Invoke-KeyTool -Tool $tool -Argument "/e `"$fresh`" `"/u:$user`"" -Credential $Parameter['ServiceAccount'] -TimeoutSeconds $script:ExportTimeoutSeconds
        $file = Get-FileFact -Path $fresh
        if ($code -ne 0 -or $null -eq $file -or $file['Length'] -eq 0) { throw $script:Text.KeyNotExported -f "$code", $path }
        Copy-LockedFile -Source $fresh -Destination $path -Backup "$path.$([System.DateTime]::UtcNow.ToString('yyyyMMdd-HHmmss-fff')).old"
        $copy = Get-FileFact -Path $path
        if ($null -eq $copy -or $copy['Sha256'] -ne $file['Sha256']) { throw $script:Text.KeyNotCopied -f $path }
        Set-RegistryMap -Path "$script:RecordPath\KeyBackup" -Value @{ Path = $path; Sha256 = $file['Sha256']; Time = [System.DateTime]::UtcNow.ToString('o') }
    } finally { Remove-Path -Path $fresh }
}

function Test-KeyRecord {
    <#
    .SYNOPSIS
    Whether the key file is the very one that was exported here.
    .PARAMETER Path
    The key file.
    #>
    param([string] $Path)
    $record = Get-RegistryMap -Path "$script:RecordPath\KeyBackup"
    $file = Get-FileFact -Path $Path
    [bool] ($record -and $file -and $record['Path'] -eq $Path -and $record['Sha256'] -eq $file['Sha256'])
}

function Enable-Key {
    # Give the key file of an existing database to the product that was installed over it; note that it was.
    param([hashtable] $Parameter, [string] $InstallPath)
    Write-Step -Message $script:Text.StepActivateKeys
    if (-not $Parameter['ExistingKeyPath']) { throw $script:Text.ActivationPending }
    $tool = Get-Program -InstallPath $InstallPath -Name 'miisactivate.exe'
    # Alone among all programs it wants a managed account without its $.
    $user = (Get-ServiceUser -Parameter $Parameter).TrimEnd('$')
    $copy = New-KeyFile
    try {
        Copy-File -Source $Parameter['ExistingKeyPath'] -Destination $copy
        $code = Invoke-KeyTool -Tool $tool -Argument "`"$copy`" `"$user`"" -Credential $Parameter['ServiceAccount'] -TimeoutSeconds $script:ActivationTimeoutSeconds
        if ($code -ne 0) { throw $script:Text.KeyNotActivated -f $Parameter['ExistingKeyPath'], "$code" }
    } finally { Remove-Path -Path $copy }
    Set-Unfinished
}

function Set-Unfinished {
    <#
    .SYNOPSIS
    Note what has been begun, or that nothing is open; until then the product is not what is desired.
    .PARAMETER What
    activation, settings or patch; nothing when it was finished.
    .PARAMETER Place
    Where product and database were before.
    #>
    param([string] $What, [string] $Place)
    Set-RegistryMap -Path "$script:RecordPath\Unfinished" -Value @{ What = $What; Place = $Place }
}

function Clear-KeyRecord {
    <#
    .SYNOPSIS
    A new product has keys of its own: whatever file there is, it is not their backup.
    .PARAMETER Path
    The place of the backup, which may be empty.
    #>
    param([string] $Path)
    Set-RegistryMap -Path "$script:RecordPath\KeyBackup" -Value @{ Path = $Path; Sha256 = ''; Time = '' }
}

function Get-Program {
    <# .SYNOPSIS
    The path of a program of the product. #>
    param([string] $InstallPath, [string] $Name)
    if (-not $InstallPath) { throw $script:Text.NoInstallPath }
    $InstallPath.TrimEnd('\') + "\Bin\$Name"
}

function Get-ServiceUser {
    # The service account's name, for a tool that asks for it.
    param([hashtable] $Parameter)
    $user = [string] $Parameter['ManagedServiceAccount']
    if ($Parameter['ServiceAccount']) { $user = $Parameter['ServiceAccount'].UserName }
    if (-not $user) { throw $script:Text.KeyNeedsAccount }
    if ($user.Contains('"')) { throw $script:Text.AccountQuote }
    $user
}

function New-KeyFile {
    # The path of a key file that nobody else can read, and that nobody has named.
    $folder = "$(Get-WorkFolder)\keys"
    New-LockedFolder -Path (Get-WorkFolder)
    New-LockedFolder -Path $folder
    "$folder\$([System.Guid]::NewGuid().ToString('N')).bin"
}

function Invoke-KeyTool {
    # Run a tool of the product that asks for the service account's password: it is typed, never an argument.
    # Gives its exit code, nothing when it did not end.
    param([string] $Tool, [string] $Argument, [pscredential] $Credential, [int] $TimeoutSeconds)
    $prompt = ''
    if ($Credential) { $prompt = ' *' }
    $child = Start-Child -FilePath $Tool -Argument "$Argument$prompt /q"
    try {
        if ($Credential) { Send-Order -Writer $child['Input'] -Line $Credential -Plain }
        $child['Input'].Close()
    } catch [System.IO.IOException] { Write-Verbose -Message $script:Text.KeyToolEnded }
    $code = Wait-Child -Child $child -TimeoutSeconds $TimeoutSeconds
    if ($null -eq $code) { Stop-Child -Child $child }
    $code
}

Export-ModuleMember -Function Initialize-Key, Export-Key, Test-KeyRecord, Clear-KeyRecord, Set-Unfinished, Get-Program
