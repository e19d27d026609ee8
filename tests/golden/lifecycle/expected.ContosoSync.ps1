<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    # env:MIMSYNC_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $SyncServiceAccount,

    # env:MIMINSTALL_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $SyncRunAs,

    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'corpsync'
            CertificateFile = Join-Path -Path $PSScriptRoot -ChildPath 'corpsync.cer'
            PSDscAllowDomainUser = $true
        }
    )
}

Configuration ContosoSync
{
    Import-DscResource -ModuleName 'MimSyncDsc' -ModuleVersion '0.0.1'

    Node 'corpsync'
    {
        MimSyncService 'Sync'
        {
            IsSingleInstance       = 'Yes'
            Ensure                 = 'Absent'
            SourcePath             = '\\corpfs\media\MIM2016SP2'
            AcceptLicense          = $true
            SqlServer              = 'corpsql.contoso.com'
            SqlInstance            = 'MSSQLSERVER'
            DatabaseName           = 'FIMSynchronizationService'
            ExistingDatabase       = 'Use'
            ExistingKeyPath        = '\\corpfs\keys\miiskeys.bin'
            ServiceAccount         = $SyncServiceAccount
            AdministratorsGroup    = 'contoso\MIMSyncAdmins'
            EnableRpcFirewallRules = $true
            KeyBackupPath          = 'C:\MIM\keys\miiskeys.bin'
            MinimumVersion         = '4.6.673.0'
            PatchPath              = '\\corpfs\media\hotfix.msp'
            MaintenancePolicy      = 'Reconfigure'
            PsDscRunAsCredential   = $SyncRunAs
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration ContosoSyncLcm
{
    Node 'corpsync'
    {
        Settings
        {
            ActionAfterReboot  = 'ContinueConfiguration'
            ConfigurationMode  = 'ApplyOnly'
            RebootNodeIfNeeded = $false
            RefreshMode        = 'Push'
            CertificateID      = '94D28E919E865A4DFFE70837213DB19FDF23429E'
        }
    }
}

ContosoSync -ConfigurationData $configurationData -OutputPath $OutputPath
ContosoSyncLcm -OutputPath $OutputPath
